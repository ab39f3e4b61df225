"""Training: frozen features of a picture, a small head and a probe on them, and all as one ONNX.

Only `torch_parts`, `head`, `logistic` and `backbone` use PyTorch, and import it where they run.
"""
