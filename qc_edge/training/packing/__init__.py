"""Any trained ONNX model as a bundle: how it is asked, threshold, golden frames, report, proof."""
