"""The engine with the real pycuda, on a stand-in for NVIDIA's driver library: `make
test-standin`.
"""
