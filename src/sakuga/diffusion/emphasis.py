"""Emphasis: some words of a prompt count more than others."""

from torch import Tensor


def weighted(embedding: Tensor, empty: Tensor, weights: Tensor) -> Tensor:
    """Move each token's embedding away from, or towards, what the encoder says at its place of an empty prompt.

    `embedding` and `empty` are (1, tokens, channels), `weights` (tokens, channels) or (tokens, 1). z' = z + (w - 1)(z - z_empty), as
    compel and ComfyUI have it (compel 2.5, `EmbeddingsProvider.get_embeddings_for_weighted_prompt_fragments`): a weight of 1.0 leaves a
    token to the bit, and 0.0 says nothing in its place. Scaling z itself and restoring the tensor's mean, as AUTOMATIC1111 does, divides
    by a mean that is near 0 for some encoders.
    """
    return embedding + (weights[None] - 1) * (embedding - empty)
