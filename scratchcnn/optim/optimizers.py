"""The optimizers: each keeps its state and changes parameters by one of the pure steps.

All take an iterable of Parameters, or of groups: dicts with ``params`` and the options that differ
there from those of the optimizer, as ``[{"params": head, "lr": 0.1}, {"params": body}]``. Pairs of
a name and a Parameter, as ``model.named_parameters()`` yields them, will do too; their names are
not kept, neither in the groups nor in the state_dict.
"""

from __future__ import annotations

from scratchcnn.optim.descent import sgd
from scratchcnn.optim.moments import adam, adamax, adamw, nadam, radam
from scratchcnn.optim.optimizer import Optimizer, Parameters
from scratchcnn.optim.scaling import adadelta, adagrad, rmsprop


class SGD(Optimizer):
    """Stochastic gradient descent, as `scratchcnn.optim.sgd`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, momentum, dampening, weight_decay, nesterov, maximize
        As in `scratchcnn.optim.sgd`; weight decay adds ``λ p`` to the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> SGD([weight], lr=0.1).step()
    >>> weight.data
    array([0.95])
    """

    _step = staticmethod(sgd)

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )


class Adam(Optimizer):
    """Adam, as `scratchcnn.optim.adam`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, betas, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay
        As in `scratchcnn.optim.adam`; weight decay adds ``λ p`` to the gradient, unless decoupled.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> Adam([weight], lr=0.1).step()
    >>> weight.data
    array([0.9])
    """

    _step = staticmethod(adam)

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled_weight_decay=decoupled_weight_decay,
        )


class AdamW(Optimizer):
    """Adam with decoupled weight decay, as `scratchcnn.optim.adamw`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, betas, eps, weight_decay, amsgrad, maximize
        As in `scratchcnn.optim.adamw`; weight decay turns ``p`` to ``p - lr λ p``.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> AdamW([weight], lr=0.1, weight_decay=0.5).step()
    >>> weight.data
    array([0.85])
    """

    _step = staticmethod(adamw)

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
        )


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, as `scratchcnn.optim.nadam`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, betas, eps, weight_decay, momentum_decay, decoupled_weight_decay, maximize
        As in `scratchcnn.optim.nadam`; weight decay adds ``λ p`` to the gradient, unless decoupled.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> NAdam([weight], lr=0.1).step()
    >>> weight.data.round(4)
    array([0.8944])
    """

    _step = staticmethod(nadam)

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )


class RAdam(Optimizer):
    """Rectified Adam, as `scratchcnn.optim.radam`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, betas, eps, weight_decay, decoupled_weight_decay, maximize
        As in `scratchcnn.optim.radam`; weight decay adds ``λ p`` to the gradient, unless decoupled.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> RAdam([weight], lr=0.1).step()
    >>> weight.data
    array([0.95])
    """

    _step = staticmethod(radam)

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )


class Adamax(Optimizer):
    """Adam with the maximum norm, as `scratchcnn.optim.adamax`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, betas, eps, weight_decay, maximize
        As in `scratchcnn.optim.adamax`; weight decay adds ``λ p`` to the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> Adamax([weight], lr=0.1, eps=0.0).step()
    >>> weight.data
    array([0.9])
    """

    _step = staticmethod(adamax)

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
        )


class Adagrad(Optimizer):
    """Adagrad, as `scratchcnn.optim.adagrad`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize
        As in `scratchcnn.optim.adagrad`; weight decay adds ``λ p`` to the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> Adagrad([weight], lr=0.1, eps=0.0).step()
    >>> weight.data
    array([0.9])
    """

    _step = staticmethod(adagrad)

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )


class Adadelta(Optimizer):
    """Adadelta, as `scratchcnn.optim.adadelta`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, rho, eps, weight_decay, maximize
        As in `scratchcnn.optim.adadelta`; weight decay adds ``λ p`` to the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> Adadelta([weight], rho=0.0, eps=0.75).step()
    >>> weight.data
    array([0.5669873])
    """

    _step = staticmethod(adadelta)

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            rho=rho,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
        )


class RMSprop(Optimizer):
    """RMSprop, as `scratchcnn.optim.rmsprop`.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr, alpha, eps, weight_decay, momentum, centered, maximize
        As in `scratchcnn.optim.rmsprop`; weight decay adds ``λ p`` to the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> RMSprop([weight], lr=0.1, alpha=0.75, eps=0.0).step()
    >>> weight.data
    array([0.8])
    """

    _step = staticmethod(rmsprop)

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            maximize=maximize,
        )
