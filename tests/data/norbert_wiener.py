"""Made norbert_wiener.npz: what norbert 0.2.1 says of seeded noise, for tests/stimuli/test_wiener.py.

In an environment of its own (pip install norbert==0.2.1 numpy scipy): python tests/data/norbert_wiener.py
norbert's arrays are (times, bins, channels, sources); it divides its input in place, hence the copies.
"""

from pathlib import Path

import norbert
import numpy as np

rng = np.random.default_rng(8)
TIMES, BINS, CHANNELS, SOURCES = 20, 5, 2, 3
mixture = 30 * (rng.standard_normal((TIMES, BINS, CHANNELS)) + 1j * rng.standard_normal((TIMES, BINS, CHANNELS)))
magnitudes = 30 * rng.random((TIMES, BINS, CHANNELS, SOURCES))
answers = {
    f"after_{iterations}": norbert.wiener(magnitudes.copy(), mixture.copy(), iterations, use_softmask=False, eps=1e-10)
    for iterations in (1, 3)
}
mono = norbert.wiener(magnitudes[:, :, :1].copy(), mixture[:, :, :1].copy(), 2, use_softmask=False, eps=1e-10)
np.savez_compressed(
    Path(__file__).with_suffix(".npz"), mixture=mixture, magnitudes=magnitudes, mono_after_2=mono, **answers
)
