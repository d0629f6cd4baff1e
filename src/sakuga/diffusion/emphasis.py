"""Emphasis of words in a prompt."""

from torch import Tensor


def apply_emphasis(embedding: Tensor, empty: Tensor, weights: Tensor) -> Tensor:
    """Scale token embeddings relative to the empty prompt's.

    z' = z + (w - 1)(z - z_empty). `embedding` and `empty` are (1, tokens, channels), `weights` (tokens, channels) or (tokens, 1); 1.0
    leaves a token to the bit, 0.0 gives the empty prompt's. This is the rule of compel and ComfyUI (compel 2.5,
    `EmbeddingsProvider.get_embeddings_for_weighted_prompt_fragments`).
    """
    return embedding + (weights[None] - 1) * (embedding - empty)


def scale_emphasis(embedding: Tensor, weights: Tensor) -> Tensor:
    """Scale token embeddings, then all of them so that their mean stays.

    z' = w z mean(z) / mean(w z), AUTOMATIC1111's rule. `embedding` is (1, tokens, channels), `weights` (tokens, channels) or (tokens, 1).
    It divides by a mean near 0 for some encoders; where that is 0 the mean is left as it is.
    """
    scaled = embedding * weights[None]
    mean = scaled.mean()
    return scaled * (embedding.mean() / mean) if mean else scaled
