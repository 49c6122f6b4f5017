"""bge-small-en-v1.5 on ONNX Runtime: sentences that mean alike become vectors that point alike."""
