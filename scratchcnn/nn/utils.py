"""Helpers between backward pass and step, under the names of :mod:`torch.nn.utils`."""

from scratchcnn.nn.clipping import clip_grad_norm_, clip_grad_value_, get_total_norm

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm"]
