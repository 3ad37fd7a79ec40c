"""Late chunking: a model reads a whole text, and each chunk's vector is pooled from the tokens of its characters.

The token vectors are made up here; a model with a long context gives real ones. What follows is the same: chunks are
spans of characters, a tokenizer says where in the text each token is, and one call pools all chunks.
"""

import re

import numpy as np

import poolhouse

TEXT = (
    "Pooling reduces an array. Each output is made of a window. The windows of late chunking are sentences, and they "
    "are pooled after the model has read the whole text."
)
WIDTH = 64


def tokenize(text: str) -> list[tuple[int, int]]:
    """The characters of each token, as the offsets of a fast tokenizer."""
    return [found.span() for found in re.finditer(r"\w+|[^\w\s]", text)]


def model(tokens: list[tuple[int, int]]) -> np.ndarray:
    """(T, D) float16 vectors of tokens, each with a part of its neighbours, as attention gives them."""
    own = np.random.default_rng(0).standard_normal((len(tokens), WIDTH))
    return (own + 0.5 * np.roll(own, 1, 0) + 0.5 * np.roll(own, -1, 0)).astype(np.float16)


def token_spans(characters: list[tuple[int, int]], tokens: list[tuple[int, int]]) -> np.ndarray:
    """(S, 2): the tokens that lie in each span of characters."""
    begins, ends = np.array(tokens).T
    found = [(np.searchsorted(ends, begin, "right"), np.searchsorted(begins, end)) for begin, end in characters]
    return np.array(found)


sentences = [found.span() for found in re.finditer(r"[^.]+\.", TEXT)]
tokens = tokenize(TEXT)
vectors, spans = model(tokens), token_spans(sentences, tokens)

with poolhouse.Client("http://localhost:8000") as client:
    chunks = client.span_pool(vectors, spans, modes="mean", normalize="l2").output
    whole = client.token_pool(vectors, modes="mean", normalize="l2").output

print("tokens of each sentence:", (spans[:, 1] - spans[:, 0]).tolist())
print("chunks:", chunks.shape, chunks.dtype, "whole text:", whole.shape)
print("as by hand:", all(
    np.allclose(chunk, mean / np.linalg.norm(mean), atol=1e-3)
    for chunk, (begin, end) in zip(chunks, spans, strict=True)
    for mean in [vectors[begin:end].astype(np.float64).mean(0)]
))  # fmt: skip
