"""Tensor cases that are written out: views, indexing, factories, printing, errors."""

# ruff: noqa: E501 - expressions, as many as go
from __future__ import annotations

from torch_case import Given, TensorCase

F = Given((3, 4))

VIEWS = """
a.view(12) | a.view(2, 6) | a.view(-1, 3) | a.view((4, 3)) | a.reshape(2, -1) | a.T.reshape(-1) | a.T.view(-1) | a.T.reshape(3, 4)
a.t() | a.T | a.mT | a.transpose(0, 1) | a.transpose(-1, 0) | a.permute(1, 0) | a.permute((1, 0)) | torch.permute(a, (1, 0))
a.unsqueeze(0) | a.unsqueeze(-1) | a.unsqueeze(1) | a.unsqueeze(1).squeeze(1) | a.squeeze() | a[:1].squeeze(0) | a[:1].squeeze() | torch.squeeze(a[:, :1], 1)
a.flatten() | a.flatten(0, 1) | a.flatten(1) | a.T.flatten() | a.expand(2, 3, 4) | a[:1].expand(5, 4) | a[:1].expand(5, -1) | a.expand_as(torch.zeros(2, 3, 4))
a.chunk(2) | a.chunk(3, 1) | torch.chunk(a, 4, dim=1) | a.split(2) | a.split([1, 2]) | torch.split(a, 3, dim=1) | a.unbind() | a.unbind(1) | a.tensor_split(2) | a.narrow(0, 1, 2)
a.select(0, 1) | a.select(1, -1) | a.diagonal() | a.diagonal(1) | a.diagonal(-1) | a.as_strided((2, 2), (1, 2)) | a.as_strided((2, 2), (1, 2), 3) | a.unfold(1, 2, 1)
a.movedim(0, 1) | a.swapaxes(0, 1) | a.contiguous() | a.T.contiguous() | a.clone() | a.T.clone() | a[:, ::2].clone() | a.repeat(2, 1) | a.repeat(2, 3, 1) | a.tile(2)
a.flip(0) | a.flip(0, 1) | torch.flip(a, [1]) | a.roll(1) | a.roll(1, 0) | a.roll((1, 2), (0, 1)) | torch.rot90(a) | a.tril() | a.triu(1) | torch.tril(a, -1)
a.view(torch.int32) | a.view(torch.uint8) | a.view(torch.float64) | a.T.view(torch.int32) | a.T.view(torch.uint8) | a.unflatten(1, (2, 2)) | a.unflatten(1, (2, -1))
a.data | a.detach() | a.size() | a.size(0) | a.size(-1) | a.shape | a.stride() | a.stride(0) | a.ndim | a.dim() | a.numel() | a.element_size() | a.itemsize | a.nbytes
a.is_contiguous() | a.T.is_contiguous() | a[:, :1].is_contiguous() | a.storage_offset() | a[1:].storage_offset() | a.dtype | a.is_floating_point() | a.is_complex() | len(a) | a.layout
a.requires_grad | a.is_leaf | a.T[1].stride() | a[:, 1:].T.stride() | a.untyped_storage().nbytes() | a[1:].untyped_storage().size() | a.shape.numel() | a.shape[1:] | a.nelement()
torch.atleast_2d(a[0]) | torch.numel(a) | torch.is_tensor(a) | torch.broadcast_to(a, (2, 3, 4)) | torch.broadcast_tensors(a, a[0]) | torch.swapaxes(a, 0, 1) | torch.ravel(a.T) | a.ravel()
"""
VIEW_ERRORS = """
a.view(5) | a.view(-1, -1) | a.view(5, -1) | a.view(-2, 6) | a.T.view(12) | a.reshape(7) | a.transpose(0, 2) | a.permute(0) | a.permute(0, 0) | a.unsqueeze(5) | a.squeeze(7)
a.expand(3) | a.expand(2, 4) | a.expand(-1, 3, 4) | a.chunk(0) | a.split([1, 1]) | a.select(0, 5) | a.select(3, 0) | a.narrow(0, 2, 2) | a.narrow(0, 0, -1) | a.flatten(1, 0)
a.as_strided((20, 20), (1, 1)) | a.T.view(torch.float64) | a[:, :3].view(torch.float64) | a.size(3) | a.stride(5) | a.diagonal(0, 0, 0) | a.unfold(1, 9, 1) | a.unflatten(1, (3, 2))
a.repeat(2) | a.flip(5) | a[5] | a[0, 7] | a[0, 0, 0] | a[...,] | a["x"] | a[1.5] | a[[9]] | a[:, [0, 5]] | a[::-1] | a[torch.tensor([1.0])] | a[torch.zeros(2, dtype=torch.bool)]
torch.zeros(2, 3) @ torch.zeros(2, 3) | torch.mm(a, a) | torch.mm(a, a[0]) | torch.bmm(a, a) | a.dot(a) | a[0].dot(a[:, 0]) | a.mv(a[:, 0]) | torch.matmul(a, torch.tensor(1.0)) | torch.matmul(a, 3)
torch.mm(a, a.T.double()) | torch.mm(a, a.T.long()) | a.double() @ a.T | a.t_().t_().unsqueeze(0).t() | torch.zeros(2, 3, 4) @ torch.zeros(3, 5, 6) | torch.zeros(2, 3, 4) @ torch.zeros(5, 6)
a + torch.zeros(3, 3) | a + torch.zeros(2, 4) | a.add_(torch.zeros(2, 3, 4)) | a.copy_(torch.zeros(5)) | a.long().add_(1.5) | a.long().div_(2) | a.bool() - a.bool() | -a.bool() | a.bool() - 1 | ~a | a & a
a.long() << 1.5 | a << 1 | a.sum(5) | a.sum((0, 0)) | a.mean(3) | a.long().mean() | a.bool().mean() | a.argmax(4) | a.max(4) | torch.zeros(0, 3).max() | torch.zeros(0, 3).max(0) | torch.zeros(0).argmax()
torch.zeros(0).amax() | a.long().std() | a.long().norm() | a.long().softmax(0) | a.item() | bool(a) | int(a) | float(a[0]) | bool(torch.zeros(0)) | torch.zeros(0).item() | len(torch.tensor(1)) | list(torch.tensor(1))
torch.tensor([[1, 2], [3]]) | torch.tensor("x") | torch.tensor(["x"]) | torch.tensor([[1, 2], 3]) | torch.tensor(2**70) | torch.tensor([300], dtype=torch.uint8) | torch.tensor([2**40], dtype=torch.int32) | torch.zeros(-1)
torch.zeros(2, -3) | torch.zeros(1.5) | torch.arange(0, 5, -1) | torch.arange(0, 5, 0) | torch.linspace(0, 1, -1) | torch.cat([]) | torch.cat([a, a[0]]) | torch.cat([a, a[:, :2]]) | torch.stack([a, a[0]]) | torch.stack([])
torch.cat([torch.tensor(1.0), a[0]]) | torch.gather(a, 0, torch.zeros(3, 4)) | torch.gather(a, 0, torch.full((1, 4), 7)) | torch.gather(a, 2, torch.zeros(1, 4, dtype=torch.long)) | torch.gather(a, 0, torch.zeros(4, dtype=torch.long))
a.index_select(0, torch.tensor([7])) | a.index_select(0, torch.zeros(1, 1, dtype=torch.long)) | a.masked_fill(a, 1) | a.masked_fill_(torch.zeros(3, 3, dtype=torch.bool), 0) | a.scatter_(0, torch.tensor([[7]]), 1.0)
a.scatter_(0, torch.tensor([[0]]), a.double()) | torch.where(a, a, a) | torch.where(a > 0, a, torch.zeros(2, 2)) | a.clamp() | a.div(a, rounding_mode="up") | a.long() // 0 | a.long() % 0 | a.long().fmod(0) | a.long() ** -1
torch.randint(5, 5, (2,)) | torch.randint(5, 3, (2,)) | torch.rand(2, dtype=torch.int64) | torch.randn(2, dtype=torch.int64) | torch.empty(2).normal_(0, -1) | torch.empty(2).uniform_(2, 1) | torch.bernoulli(torch.tensor([2.0]))
torch.finfo(torch.int32) | torch.iinfo(torch.float32) | torch.promote_types(torch.uint16, torch.int32) | torch.promote_types(torch.float8_e5m2, torch.float32) | torch.device("foo") | torch.device("cuda:x") | torch.device("cuda:01")
torch.from_numpy([1]) | torch.from_numpy(np.array(["a"])) | torch.topk(a, 9) | a.expand(3, 4).add_(1)[0] | a[:1].expand(3, 4).add_(1) | torch.eye(2).diag(0).diag(0).unsqueeze(0).unsqueeze(0).diag() | a.view_as(a[0])
torch.allclose(a, a.double()) | torch.nn.functional.layer_norm(a, (3,)) | torch.nn.functional.layer_norm(a, (4,), torch.ones(3)) | torch.nn.functional.embedding(a, a) | a.long().requires_grad_() | torch.tensor([1], requires_grad=True) | setattr(a.long(), 'requires_grad', True) | torch.nn.Parameter(a.long())
torch.trace(a[0]) | a.fill_(torch.zeros(2)) | torch.set_default_dtype(torch.int32) | torch.nn.functional.cross_entropy(a, torch.zeros(2, dtype=torch.long)) | torch.full((2,), "x") | torch.lerp(a, a.double(), 0.5)
"""
INDEXING = """
a[0] | a[-1] | a[0, 1] | a[:, 0] | a[1:] | a[::2] | a[:, 1:3] | a[..., 0] | a[None] | a[:, None] | a[0, None] | a[..., None] | a[()] | a[...] | a[1:1] | a[-2:] | a[:, -1:] | a[True] | a[False]
a[[0, 2]] | a[[0, 2], [1, 3]] | a[:, [0, 2]] | a[torch.tensor([0, 2])] | a[torch.tensor([[0, 2], [1, 1]])] | a[torch.tensor([0, -1]), 1] | a[1, torch.tensor([0, 3])] | a[a > 0] | a[a[:, 0] > 0]
a[:, a[0] > 0] | a[a > 99] | a[torch.tensor(1)] | a[torch.tensor([True, False, True])] | a[torch.tensor([True, False, True]), 1] | a[np.array([0, 1])] | a[[[0, 1], [1, 2]]] | a[torch.tensor([0, 1], dtype=torch.int32)]
a[None, [0, 1], None] | a[[0, 1], None, [1, 2]] | a[(0, 1)] | a[slice(0, 2)] | a[np.int64(1)] | a[:, torch.tensor([[0], [1]])] | a[torch.tensor([[0], [1]]), torch.tensor([0, 1, 2])]
a.index_select(0, torch.tensor([2, 0])) | a.index_select(1, torch.tensor([2, 0, 0])) | torch.gather(a, 0, torch.tensor([[0, 1, 2, 0]])) | a.gather(1, torch.tensor([[0, 1], [2, 3], [1, 1]])) | a.take(torch.tensor([0, 5, 11]))
a.masked_select(a > 0) | a.masked_fill(a > 0, 1.5) | a.masked_fill_(a > 0, -1) | torch.where(a > 0, a, -a) | torch.where(a > 0, 1.0, 0.0) | torch.where(a > 0, a, 0) | torch.where(a > 0) | a.nonzero() | (a > 0).nonzero(as_tuple=True)
a.scatter(0, torch.tensor([[0, 1, 2, 0]]), 9.0) | a.scatter_(1, torch.tensor([[0, 1], [2, 3]]), torch.ones(2, 2)) | a.scatter_add(0, torch.tensor([[0, 1, 2, 0]]), torch.ones(1, 4)) | a.index_add(0, torch.tensor([0, 0]), torch.ones(2, 4))
a.index_copy(0, torch.tensor([1]), torch.ones(1, 4)) | a.index_fill(1, torch.tensor([1, 2]), -1) | torch.argwhere(a > 0) | a.take_along_dim(torch.tensor([[0], [1], [2]]), 1) | a.scatter_reduce(0, torch.tensor([[0, 0, 1, 1]]), torch.ones(1, 4), "sum")
torch.unique(a.long()) | torch.unique(a.long(), return_counts=True) | torch.unique(a.long(), return_inverse=True) | torch.bincount(a.long().abs().flatten()) | torch.histc(a, 4, -2, 2) | torch.isin(a.long(), torch.tensor([0, 1]))
torch.searchsorted(torch.tensor([0.0, 1.0, 2.0]), a) | torch.bucketize(a, torch.tensor([0.0, 1.0])) | a.repeat_interleave(2) | a.repeat_interleave(2, 0) | a.kthvalue(2) | a.aminmax() | torch.diff(a) | torch.trace(a)
"""
ASSIGN = """
a[0] = 1 | a[:, 1] = 2.5 | a[1:, ::2] = 0 | a[a > 0] = 0 | a[a > 0] = a[a > 0] * 2 | a[[0, 2]] = -1 | a[[0, 2], [1, 3]] = torch.tensor([5.0, 6.0]) | a[...] = 3 | a[None] = 4 | a[0] = a[1] | a[:] = a[:1]
a[:, [0, 1]] = torch.zeros(3, 2) | a[torch.tensor([True, False, True])] = 7 | a[0, 0] = torch.tensor(5) | a += 1 | a -= a | a *= 2 | a /= 3 | a **= 2 | a[0] += 10 | a.T[0] = 8 | a[1:] = torch.arange(4) | a[0, 1:3] = torch.tensor([1, 2])
a.zero_() | a.fill_(2) | a.copy_(torch.arange(4)) | a.add_(1, alpha=2) | a.sub_(a) | a.mul_(a) | a.div_(2) | a.pow_(2) | a.clamp_(-1, 1) | a.clamp_(min=0) | a.neg_() | a.t_() | a.squeeze_() | a.unsqueeze_(0) | a.transpose_(0, 1)
a.addcmul_(a, a, value=0.5) | a.addcdiv_(a, a.abs() + 1, value=2) | a.lerp_(torch.zeros(3, 4), 0.25) | a.tril_() | a.triu_() | a.fill_diagonal_(9) | a.floor_() | a.round_() | a.masked_fill_(a < 0, 0) | a.cumsum_(1) | a.remainder_(2)
a.T.add_(torch.ones(4, 3)) | a[:, ::2].mul_(10) | a.view(-1)[3:7].zero_() | a.diagonal().fill_(1) | a.index_fill_(0, torch.tensor([1]), 3) | a.resize_(2, 2) | a.eq_(a) | a.logical_not_() | a.exp_() | a.index_put_((torch.tensor([0]),), torch.ones(4))
"""
FACTORIES = """
torch.tensor(1) | torch.tensor(1.5) | torch.tensor(True) | torch.tensor([1, 2]) | torch.tensor([1, 2.5]) | torch.tensor([[1], [2]]) | torch.tensor([]) | torch.tensor([[]]) | torch.tensor([True, False]) | torch.tensor([1, 2], dtype=torch.float16) | torch.tensor(1 + 2j)
torch.tensor(np.arange(3)) | torch.tensor(np.float32(3)) | torch.tensor(np.arange(3, dtype=np.uint8)) | torch.tensor([torch.tensor(1), torch.tensor(2)]) | torch.tensor((1, 2)) | torch.tensor([1.5, 2], dtype=torch.int32) | torch.tensor([300, -1]).to(torch.uint8) | torch.tensor([[1, 2], [3, 4]], dtype=torch.bfloat16)
torch.zeros(2, 3) | torch.zeros((2, 3)) | torch.zeros(2, dtype=torch.int8) | torch.zeros(()) | torch.zeros(0) | torch.ones(2, 3) | torch.ones(2, dtype=torch.bool) | torch.full((2,), 3) | torch.full((2,), 3.5) | torch.full((2,), True) | torch.full((2, 2), 7, dtype=torch.float16) | torch.full([2], 1e10)
torch.arange(5) | torch.arange(1, 5) | torch.arange(1, 10, 3) | torch.arange(5.0) | torch.arange(0, 1, 0.1) | torch.arange(5, 0, -1) | torch.arange(3, dtype=torch.float16) | torch.arange(0) | torch.arange(1, 2.5) | torch.arange(end=4) | torch.arange(start=1, end=4, step=2) | torch.range(0, 7)
torch.linspace(0, 1, 5) | torch.linspace(-3, 10, 7) | torch.linspace(0, 10, 4, dtype=torch.int64) | torch.linspace(0, 1, 1) | torch.linspace(0, 1, 0) | torch.linspace(1, 2, 33, dtype=torch.float64) | torch.eye(3) | torch.eye(2, 3) | torch.eye(3, dtype=torch.int64) | torch.logspace(0, 2, 3)
torch.empty(2, 3).shape | torch.empty((2, 3), dtype=torch.float16).dtype | torch.empty_strided((2, 3), (1, 2)).stride() | torch.Tensor([1, 2]) | torch.Tensor(2, 3).shape | torch.Tensor().shape | torch.FloatTensor([1, 2]) | torch.IntTensor([1, 2]) | torch.LongTensor([3]) | torch.as_tensor([1, 2]) | torch.as_tensor(np.arange(3.0)) | torch.from_numpy(np.ones((2, 2), np.float32))
torch.scalar_tensor(3) | torch.tril_indices(3, 3) | torch.triu_indices(3, 4, 1) | torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij") | torch.meshgrid(torch.arange(2), torch.arange(3), indexing="xy") | torch.diag(torch.arange(3)) | torch.diag(torch.ones(3, 3)) | torch.diag_embed(torch.ones(2, 2)) | torch.complex(torch.ones(2), torch.zeros(2))
torch.promote_types(torch.int8, torch.uint8) | torch.result_type(torch.ones(2, dtype=torch.int32), 1.5) | torch.finfo(torch.float16).max | torch.finfo(torch.bfloat16).eps | torch.finfo(torch.float32).min | torch.finfo(torch.float64).tiny | torch.finfo(torch.float8_e4m3fn).max | torch.finfo(torch.float8_e5m2).max | torch.iinfo(torch.int8).max | torch.iinfo(torch.int64).min | torch.iinfo(torch.uint8).bits | torch.iinfo(torch.int32)
torch.finfo(torch.float16) | torch.finfo(torch.float32) | torch.finfo(torch.bfloat16) | torch.finfo(torch.float64).bits | torch.get_default_dtype() | torch.float32 | torch.bool.itemsize | torch.float16.is_floating_point | torch.int8.is_signed | torch.uint8.is_signed | torch.complex64.is_complex | torch.strided | torch.contiguous_format | torch.Size([1, 2]) | torch.Size([2]) + (3,) | torch.device("cpu") | torch.device("cuda:1") | torch.device("cuda", 0) | str(torch.device("cuda:0"))
"""
RANDOM = """
torch.rand(5) | torch.rand(3, 4) | torch.rand(2, dtype=torch.float64) | torch.randn(5) | torch.randn(3, 7) | torch.randn(16) | torch.randn(100) | torch.randn(33, dtype=torch.float64) | torch.randn(20, 20) | torch.randint(10, (5,)) | torch.randint(0, 100, (3, 4)) | torch.randint(-5, 5, (2,), dtype=torch.int32)
torch.randint(0, 2**40, (3,)) | torch.randint(0, 2, (4,), dtype=torch.float32) | torch.randperm(10) | torch.randperm(0) | torch.randperm(100, dtype=torch.int32) | torch.empty(7).normal_() | torch.empty(20).normal_(1, 2) | torch.empty(5).uniform_() | torch.empty(5).uniform_(-2, 3) | torch.rand_like(torch.zeros(2, 3)) | torch.randn_like(torch.zeros(2, 3)) | torch.randint_like(torch.zeros(2, 3), 5)
torch.normal(0.0, 1.0, (4,)) | torch.normal(torch.zeros(4), torch.ones(4)) | torch.bernoulli(torch.full((5,), 0.5)) | torch.empty(5).bernoulli_(0.3) | torch.rand(5, generator=torch.Generator().manual_seed(3)) | [torch.rand(2), torch.randn(3), torch.randint(5, (2,)), torch.rand(1)] | [torch.randn(3), torch.randn(2), torch.rand(2)] | torch.initial_seed() | torch.rand(4, dtype=torch.float16) | torch.rand(4, dtype=torch.bfloat16)
torch.randn(40, dtype=torch.float16) | torch.randn(5, dtype=torch.bfloat16) | torch.randn(40, dtype=torch.bfloat16) | torch.randn(5, dtype=torch.float16) | torch.empty(5).random_(10) | torch.empty(4, dtype=torch.int64).random_(3, 9) | torch.empty(6).exponential_() | torch.randn(3, 4).T | torch.randn(2, 3, 4) | torch.rand(1000).sum() > 0
"""
PRINTED = """
torch.tensor(1) | torch.tensor(1.5) | torch.tensor(True) | torch.tensor([]) | torch.zeros(0, 3) | torch.tensor([], dtype=torch.int64) | torch.tensor([1, 2, 3]) | torch.tensor([1.0, 2.5]) | torch.tensor([1.0, 2.0]) | torch.tensor([1e10, 1.0]) | torch.tensor([1e-5, 1.0]) | torch.tensor([1e-5]) | torch.tensor([float("nan"), 1.0]) | torch.tensor([float("inf"), 1.5, -float("inf")])
torch.tensor([float("nan")]) | torch.tensor([0.0]) | torch.tensor([-0.0]) | torch.tensor([123456789.0]) | torch.tensor([12345.678, 0.001]) | torch.tensor([100000.0, 1.0]) | torch.arange(20) | torch.arange(100) | torch.arange(2000) | torch.arange(2000.0) / 3 | torch.randn(3, 4) | torch.randn(20, 30) | torch.randn(50, 50) | torch.randn(2, 3, 4) | torch.randn(12, 12, 12)
torch.randn(3, dtype=torch.float64) | torch.tensor([1, 2], dtype=torch.int32) | torch.tensor([1.5], dtype=torch.float16) | torch.tensor([1.5, 2.25], dtype=torch.bfloat16) | torch.tensor([True, False]) | torch.zeros(2, 2, 2, dtype=torch.uint8) | torch.tensor([1 + 2j, 3 - 4j]) | torch.tensor([[1.5], [-2.25]]) | torch.randn(1001) | torch.zeros(1, 1, 1, 1) | torch.tensor([1.5, float("nan")], dtype=torch.float16)
torch.ones(3, 1001) | torch.ones(1001, 3) | torch.arange(1001).view(7, 11, 13) | torch.tensor([-1, 100, -1000]) | torch.tensor(1e-10) | torch.tensor(123456.0) | torch.tensor([0.1, 0.22, 0.333]) | torch.tensor([1.0, float("inf")]) | torch.full((3, 3), 1e8) | torch.full((3,), 1e9) | torch.tensor([[0.5, 100.25], [3.0, 4000.125]]) | torch.tensor([1.5, 2.5], dtype=torch.float8_e5m2) | torch.tensor(3, dtype=torch.int8) | torch.tensor(2.5, dtype=torch.bfloat16)
torch.max(torch.tensor([[1.0, 2.0]]), 1) | torch.sort(torch.tensor([2, 1])) | torch.zeros(3).requires_grad_() | torch.empty(2, 0) | torch.empty(0, dtype=torch.bool) | torch.randn(5).T | [torch.tensor(1)] | {"a": torch.tensor([1.0])} | torch.rand(10, 1) | torch.rand(1, 50) | torch.arange(24).view(2, 3, 4) | torch.nn.Parameter(torch.tensor([1.0, 2.0])) | torch.tensor([[1, 2], [3, 4]]).T | torch.zeros(2, 1000)
"""
DATA = """
list(torch.utils.data.RandomSampler(range(9))) | list(torch.utils.data.RandomSampler(range(3), num_samples=7)) | list(torch.utils.data.RandomSampler(range(5), replacement=True, num_samples=40)) | list(torch.utils.data.SubsetRandomSampler([4, 2, 7])) | list(torch.utils.data.BatchSampler(range(5), 2, False)) | list(torch.utils.data.BatchSampler(range(5), 2, True)) | [list(torch.utils.data.DataLoader(range(5), 2, shuffle=True)), torch.rand(2)] | list(torch.utils.data.DataLoader(range(5), 2, shuffle=True, generator=torch.Generator().manual_seed(3))) | [p.indices for p in torch.utils.data.random_split(range(10), [7, 3])] | [p.indices for p in torch.utils.data.random_split(range(10), [0.55, 0.45], torch.Generator().manual_seed(1))] | list(torch.utils.data.DistributedSampler(range(7), 3, 1)) | list(torch.utils.data.DistributedSampler(range(7), 3, 1, seed=5, drop_last=True)) | list(torch.utils.data.DistributedSampler(range(1), 3, 2)) | len(torch.utils.data.DistributedSampler(range(7), 3, 0, drop_last=True)) | torch.utils.data.DistributedSampler(range(7), 3, 3)
torch.utils.data.DataLoader(range(3), sampler=[1], shuffle=True) | torch.utils.data.DataLoader(range(3), batch_sampler=[[1]], batch_size=2) | torch.utils.data.DataLoader(range(3), batch_size=None, drop_last=True) | torch.utils.data.DataLoader(range(3), 0) | torch.utils.data.random_split(range(3), [1, 1]) | torch.utils.data.default_collate([(1, 2.5, "x"), (2, 3.5, "y")]) | torch.utils.data.default_collate([{"a": np.ones(2)}, {"a": np.zeros(2)}]) | torch.utils.data.default_collate([a, a]) | torch.utils.data.TensorDataset(a, a[:, 0])[1] | torch.utils.data.ConcatDataset([[1, 2], [3]])[-1]
"""
FORMATTED = """
f"{torch.tensor(1.5):.3f}" | f"{torch.tensor(3):d}" | f"{torch.tensor(1.5)}" | f"{torch.tensor([1.5])}" | str(torch.float16) | repr(torch.Size([1])) | f"{torch.tensor(True)}" | "%d" % torch.tensor(3) | "%.2f" % torch.tensor(1.25) | repr(torch.device("cuda:0")) | str(torch.tensor([1, 2]).shape) | f"{torch.tensor(2.0).item()}"
"""
MIXED = """
a.float() | a.double() | a.half() | a.bfloat16() | a.int() | a.long() | a.short() | a.char() | a.byte() | a.bool() | a.to(torch.float16) | a.to(torch.int64) | a.to("cpu") | a.to(a) | a.to(torch.double, copy=True) | a.type(torch.int32) | a.type() | a.type_as(a.half()) | a.half().type() | a.cpu() is a | a.float() is a | a.to(torch.float32) is a | a.to(dtype=torch.float8_e4m3fn) | a.to(torch.float8_e5m2)
a.to(torch.float8_e4m3fn).float() | (a * 200).to(torch.float8_e4m3fn).float() | (a * 1e5).half() | (a * 1e30).bfloat16() | a.to(torch.bfloat16).to(torch.float8_e5m2) | a.tolist() | a[0, 0].item() | a.long().tolist() | a.bool().tolist() | a.half().tolist() | a.bfloat16()[0].tolist() | a.numpy().dtype | a.numpy() | a.half().numpy() | a.T.numpy().strides | np.asarray(a) | np.array(a).dtype
a.new_empty(2).dtype | a.new_zeros(2, 2) | a.new_ones((2,), dtype=torch.int32) | a.new_full((2,), 3) | a.new_tensor([1, 2]) | torch.zeros_like(a) | torch.ones_like(a.T) | torch.empty_like(a.T).stride() | torch.full_like(a, 7) | torch.zeros_like(a, dtype=torch.int8) | torch.empty_like(a[:, ::2]).stride() | torch.zeros_like(a.unsqueeze(1).expand(3, 2, 4)).stride() | torch.ones_like(a.half())
torch.cat([a, a]) | torch.cat([a, a], 1) | torch.cat((a, a.long()), -1) | torch.cat([a.half(), a.bfloat16()]) | torch.cat([a, torch.zeros(0)]) | torch.stack([a, a]) | torch.stack([a, a], -1) | torch.stack((a[0], a[1]), dim=1) | torch.hstack([a, a]) | torch.vstack([a, a]) | torch.dstack([a, a]) | torch.concat([a, a]) | torch.block_diag(a, a)
torch.equal(a, a) | torch.equal(a, a[:2]) | torch.allclose(a, a + 1e-9) | torch.allclose(a, a + 1) | torch.isclose(a, a + 1e-7) | (a == a).all() | (a > 0).any() | (a > 0).sum() | a.max() | a.min() | a.sum(0) | a.sum(dim=(0, 1)) | a.sum(-1, keepdim=True) | a.sum(dtype=torch.float64) | a.long().sum() | a.bool().sum() | a.half().sum() | a.int().sum(0) | a.mean() | a.mean(1) | a.half().mean() | a.bfloat16().mean(0)
torch.max(a, 0) | torch.max(a, 1)[0] | torch.max(a, 1).indices | torch.max(a, a.flip(0)) | torch.min(a, 0, keepdim=True) | torch.argmax(a) | torch.argmax(a, 1) | torch.argmin(a, 0, True) | torch.sum(a, 0) | torch.softmax(a, -1) | torch.softmax(a, axis=1) | torch.softmax(a, dim=0, dtype=torch.float64) | a.softmax(0) | torch.log_softmax(a, 1) | torch.logsumexp(a, 1) | torch.std(a) | torch.var(a, 0) | a.std(1, False) | torch.var_mean(a) | torch.var_mean(a, 1) | torch.std_mean(a, 0) | a.var(correction=0)
torch.norm(a) | a.norm() | a.norm(1) | a.norm(2, 1) | a.norm(float("inf")) | torch.prod(a) | a.prod(0) | torch.cumsum(a, 0) | a.cumsum(-1) | torch.cumprod(a, 1) | torch.cummax(a, 1) | a.median() | a.median(1) | a.mode() | torch.count_nonzero(a) | torch.nansum(a) | torch.any(a > 9) | torch.all(a < 9, 1) | torch.amax(a, (0, 1)) | torch.amin(a, 1, True) | a.amax() | torch.dist(a, a + 1) | a.abs().max() | torch.sort(a, 1, descending=True) | torch.topk(a, 2) | torch.argsort(a, 1)
a.clamp(-1, 1) | a.clamp(min=0) | a.clamp(max=0.5) | torch.clamp(a, -1) | a.clip(0, 1) | a.clamp(torch.zeros(4), torch.ones(4)) | a.pow(2) | a ** 2 | a ** 0.5 | a.abs() ** 1.7 | 2 ** a | a.long() ** 2 | torch.pow(2, a) | a.pow(3) | a ** -1 | a.half() ** 2 | torch.square(a) | torch.lerp(a, a + 1, 0.3) | torch.addcmul(a, a, a, value=2) | torch.addcdiv(a, a, a.abs() + 1) | torch.add(a, a, alpha=2) | torch.sub(a, 1, alpha=3) | torch.rsub(a, 1) | 1 - a | 1 / a.abs() | 5 // (a.abs() + 1) | 5 % (a.abs() + 1)
torch.div(a, 2) | torch.div(a, 2, rounding_mode="floor") | torch.div(a, 2, rounding_mode="trunc") | torch.div(a.long(), 2) | torch.div(a.long(), 2, rounding_mode="floor") | torch.div(a.long(), 2, rounding_mode="trunc") | a.long() / 2 | a.long() // 2 | a.long() % 3 | a.long() * 2.5 | a.long() + True | a.bool() + a.bool() | a.bool() * 2 | a.bool() & True | a.int() << 1 | a.int() >> 1 | ~a.int() | ~a.bool() | a.int() ^ 3 | a.round(decimals=2) | torch.nan_to_num(a / 0) | torch.atan2(a, a + 1) | torch.hypot(a, a)
torch.addmm(torch.ones(3), a, a.T) | torch.addmm(torch.ones(3, 3), a, a.T, beta=0.5, alpha=2) | torch.baddbmm(torch.ones(1, 3, 3), a[None], a.T[None]) | torch.einsum("ij,kj->ik", a, a) | torch.einsum("ij->ji", a) | torch.einsum("ij,ij->", a, a) | torch.einsum("bij,bjk->bik", a[None], a.T[None]) | torch.tensordot(a, a.T, 1) | torch.inner(a, a) | torch.kron(a, a) | a.mm(a.T) | a @ a[0] | a.T @ a[:, 0] | torch.linalg.norm(a) | torch.linalg.vector_norm(a, dim=1)
torch.nn.functional.relu(a) | torch.nn.functional.gelu(a) | torch.nn.functional.gelu(a, approximate="tanh") | torch.nn.functional.silu(a) | torch.nn.functional.softmax(a, dim=-1) | torch.nn.functional.log_softmax(a, dim=-1) | torch.nn.functional.layer_norm(a, (4,)) | torch.nn.functional.layer_norm(a, (4,), torch.arange(4.0), torch.ones(4)) | torch.nn.functional.layer_norm(a, (3, 4)) | torch.nn.functional.rms_norm(a, (4,)) | torch.nn.functional.mse_loss(a, a + 1) | torch.nn.functional.l1_loss(a, a + 1, reduction="sum") | torch.nn.functional.softplus(a) | torch.nn.functional.leaky_relu(a) | torch.nn.functional.elu(a) | torch.nn.functional.sigmoid(a) | torch.nn.functional.tanh(a)
torch.nn.functional.cross_entropy(a, torch.tensor([0, 1, 2])) | torch.nn.functional.cross_entropy(a, torch.tensor([0, -100, 2])) | torch.nn.functional.cross_entropy(a, torch.tensor([0, 1, 2]), reduction="none") | torch.nn.functional.cross_entropy(a, torch.tensor([0, 1, 2]), label_smoothing=0.1) | torch.nn.functional.nll_loss(a, torch.tensor([0, 1, 2])) | torch.nn.functional.one_hot(torch.tensor([0, 2]), 4) | torch.nn.functional.embedding(torch.tensor([[0, 2]]), a) | torch.nn.functional.pad(a, (1, 2)) | torch.nn.functional.pad(a, (1, 2, 0, 1), value=5.0) | torch.nn.functional.normalize(a) | torch.nn.functional.scaled_dot_product_attention(a[None], a[None], a[None]) | torch.nn.functional.scaled_dot_product_attention(a[None], a[None], a[None], is_causal=True) | torch.nn.functional.glu(a) | torch.nn.functional.mish(a) | torch.nn.functional.hardswish(a) | torch.nn.functional.binary_cross_entropy_with_logits(a, (a > 0).float()) | torch.nn.functional.smooth_l1_loss(a, a * 2) | torch.nn.functional.dropout(a, 0.5, False)
torch.view_as_real(a[:, :2] + 1j) | torch.is_complex(a) | torch.is_floating_point(a) | torch.view_as_complex(a.view(3, 2, 2)) | (a + 1j).abs() | (a + 1j).real | (a + 2j).imag | (a + 1j) * (a - 1j) | torch.logical_and(a > 0, a < 1) | torch.isnan(a) | torch.quantile(a, 0.3) | torch.sgn(a) | torch.logit(a.sigmoid()) | torch.sinc(a) | torch.deg2rad(a) | torch.copysign(a, -a) | torch.fmax(a, -a) | torch.logaddexp(a, a) | torch.xlogy(a.abs(), a.abs()) | torch.heaviside(a, torch.ones(4)) | a.erf() | a.logit(1e-3) | torch.cross(a[:, :3], a[:, 1:], dim=1) | a.bernoulli().shape
list(a)[1] | [x for x in a][0] | 1.5 in a | a.__len__() | bool(a[0, 0] > 0) | int(a[0, 0]) | float(a[0, 0]) | a[0, 0].__index__() if False else a.long()[0, 0].__index__() | range(5)[a.long().abs()[0, 0] % 5] | a == None | a.eq(0) | hash(a) == hash(a) | a.T.is_contiguous() | a.is_cuda if False else True | torch.Tensor is type(a) | isinstance(a, torch.Tensor) | isinstance(a, torch.FloatTensor) | isinstance(a.half(), torch.FloatTensor) | torch.tensor(5).__index__() | sum(a).shape
"""
HOST_ONLY = ("1j", "2j", ".type()", "FloatTensor", ".cpu() is")
"""Complex numbers live on hosts; and what tells a device by its name."""
EXACT = frozenset({"view", "error", "index", "assign", "factory", "printed", "formatted"})


def _expressions(text: str) -> list[str]:
    return [each.strip() for line in text.strip().splitlines() for each in line.split(" | ")]


def fixed_cases() -> list[TensorCase]:
    found = []
    for group, text, operand in (
        ("view", VIEWS, F),
        ("error", VIEW_ERRORS, F),
        ("index", INDEXING, F),
        ("factory", FACTORIES, F),
        ("random", RANDOM, F),
        ("mixed", MIXED, F),
    ):
        for number, expression in enumerate(_expressions(text)):
            close = 0 if group in EXACT else 4 if group == "random" else 24
            found.append(
                TensorCase(
                    f"{group}/{number}: {expression}",
                    expression,
                    (operand,),
                    close,
                    0.0 if group == "random" else 1.0,
                    machine=group in ("view", "index", "mixed")
                    and not any(each in expression for each in HOST_ONLY),
                    machine_ulps=32 if group == "mixed" else close,
                )
            )
    for number, expression in enumerate(_expressions(PRINTED)):
        found.append(
            TensorCase(
                f"printed/{number}: {expression}", f"repr({expression})", (F,), machine=False
            )
        )
    for number, expression in enumerate(_expressions(FORMATTED)):
        found.append(
            TensorCase(f"formatted/{number}: {expression}", expression, (F,), machine=False)
        )
    for number, statement in enumerate(_expressions(ASSIGN)):
        found.append(
            TensorCase(
                f"assign/{number}: {statement}", "a", (F,), 4, 1.0, setup=statement, machine_ulps=24
            )
        )
        found.append(
            TensorCase(
                f"assign/T/{number}: {statement}",
                "a",
                (Given((4, 3), "float32", "x.T"),),
                4,
                1.0,
                setup=statement,
                machine_ulps=24,
            )
        )
    return found


def fact_cases() -> list[str]:
    """Return the expressions whose results are recorded for tests without torch."""
    groups = (VIEW_ERRORS, FACTORIES, RANDOM, PRINTED, FORMATTED, INDEXING, DATA)
    every = [each for group in groups for each in _expressions(group)]
    return list(dict.fromkeys(every))
