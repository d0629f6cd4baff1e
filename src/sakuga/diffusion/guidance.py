"""Pulling a prediction towards its prompt."""

from torch import Tensor


def guided(unconditional: Tensor, conditional: Tensor, scale: float) -> Tensor:
    """Go on past the conditional prediction, away from the unconditional one (Ho and Salimans 2022, equation 6).

    `scale` counts as in Imagen: 1.0 is the conditional prediction itself.
    """
    return unconditional + scale * (conditional - unconditional)


def rescaled(prediction: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """Give a guided prediction back the contrast of the conditional one (Lin et al. 2023, section 3.4, equations 15 and 16).

    Both are (frames, channels, height, width); each frame is measured alone. phi 0.0 changes nothing, 1.0 restores it wholly.
    Models with zero terminal SNR over-saturate without it; the paper uses 0.7.
    """
    if phi == 0.0:
        return prediction
    inner = tuple(range(1, prediction.ndim))
    ratio = conditional.std(dim=inner, keepdim=True) / prediction.std(dim=inner, keepdim=True)
    return prediction * (phi * ratio + (1 - phi))
