"""The kernels of collectives, in the kernel language."""
