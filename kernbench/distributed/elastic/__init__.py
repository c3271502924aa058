"""``torch.distributed.elastic``: ``record`` alone; ``kernbench run --nproc`` starts ranks."""
