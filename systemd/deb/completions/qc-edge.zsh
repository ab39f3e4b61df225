#compdef qc-edge

_qc_edge_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _QC_EDGE_COMPLETE=complete_zsh qc-edge)
}

compdef _qc_edge_completion qc-edge

