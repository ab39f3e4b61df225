_qc_edge_completion() {
    local IFS=$'
'
    COMPREPLY=( $( env COMP_WORDS="${COMP_WORDS[*]}" \
                   COMP_CWORD=$COMP_CWORD \
                   _QC_EDGE_COMPLETE=complete_bash $1 ) )
    return 0
}

complete -o default -F _qc_edge_completion qc-edge

