"""Pure functions of arrays: each forward and, beside it, one explicit function per gradient.

Names, order of arguments, defaults and conventions are those of :mod:`torch.nn.functional`
(:mod:`scipy.signal` for `correlate` and `convolve`). Arrays are float32 or float64, NCHW and
OIHW; results have the dtype of their inputs and are always fresh arrays.
"""

from scratchcnn.functional.activation import (
    log_softmax,
    log_softmax_grad,
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softmax_grad,
    tanh,
    tanh_grad,
)
from scratchcnn.functional.classification import (
    cross_entropy,
    cross_entropy_input_grad,
    cross_entropy_target_grad,
    nll_loss,
    nll_loss_grad,
)
from scratchcnn.functional.convolution import (
    conv2d,
    conv2d_bias_grad,
    conv2d_input_grad,
    conv2d_weight_grad,
)
from scratchcnn.functional.correlation import (
    convolve,
    convolve_input_grad,
    convolve_kernel_grad,
    correlate,
    correlate_input_grad,
    correlate_kernel_grad,
)
from scratchcnn.functional.dropout import Dropout, dropout, dropout_grad, dropout_with_mask
from scratchcnn.functional.linear import (
    flatten,
    flatten_grad,
    linear,
    linear_bias_grad,
    linear_input_grad,
    linear_weight_grad,
)
from scratchcnn.functional.loss import (
    binary_cross_entropy,
    binary_cross_entropy_input_grad,
    binary_cross_entropy_target_grad,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_input_grad,
    binary_cross_entropy_with_logits_target_grad,
    mse_loss,
    mse_loss_input_grad,
    mse_loss_target_grad,
)
from scratchcnn.functional.padding import pad, pad_grad
from scratchcnn.functional.penalty import l2_penalty, l2_penalty_grad
from scratchcnn.functional.pooling import (
    MaxPool,
    avg_pool2d,
    avg_pool2d_grad,
    max_pool2d,
    max_pool2d_grad,
)

__all__ = [
    "Dropout",
    "MaxPool",
    "avg_pool2d",
    "avg_pool2d_grad",
    "binary_cross_entropy",
    "binary_cross_entropy_input_grad",
    "binary_cross_entropy_target_grad",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_input_grad",
    "binary_cross_entropy_with_logits_target_grad",
    "conv2d",
    "conv2d_bias_grad",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "convolve",
    "convolve_input_grad",
    "convolve_kernel_grad",
    "correlate",
    "correlate_input_grad",
    "correlate_kernel_grad",
    "cross_entropy",
    "cross_entropy_input_grad",
    "cross_entropy_target_grad",
    "dropout",
    "dropout_grad",
    "dropout_with_mask",
    "flatten",
    "flatten_grad",
    "l2_penalty",
    "l2_penalty_grad",
    "linear",
    "linear_bias_grad",
    "linear_input_grad",
    "linear_weight_grad",
    "log_softmax",
    "log_softmax_grad",
    "max_pool2d",
    "max_pool2d_grad",
    "mse_loss",
    "mse_loss_input_grad",
    "mse_loss_target_grad",
    "nll_loss",
    "nll_loss_grad",
    "pad",
    "pad_grad",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_grad",
    "tanh",
    "tanh_grad",
]
