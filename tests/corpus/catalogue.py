"""What the corpus holds, and how each entry has to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ENTRIES = Path(__file__).parent / "entries"

SHARES = "each worker rounds its own share"
NOISE = "every worker draws dropout's noise for a share of its own"
STATISTICS = "BatchNormalization sees a worker's share of a batch"
HALF = "half precision rounds coarsely"
BRIGHTER = "pictures are brightened at random, several at the same time"
UNEVEN = "a short last batch counts its shares alike"
DRAWN = "each job draws what it was given no seed for"
LOOK = "a batch is drawn to see how long its windows are, and other ones follow"


@dataclass(frozen=True)
class Entry:
    """A folder in `entries/`, and what has to come of it.

    `figures` are the names of the numbers that it prints. A difference counts as a share of the
    larger number where that is above 1. `fingerprint` is the name of what it prints of its weights
    at the end, where they do not come from `fit`: it is the same on all workers of a gang.
    """

    name: str
    shows: str
    tolerance: float = 0.0
    because: str = ""
    figures: tuple[str, ...] = ()
    refused: str = ""
    refused_gang: str = ""
    warned: str = ""
    warned_gang: str = ""
    fits: int = 1
    models: int = 1
    fingerprint: str = ""
    offline: bool = False

    @property
    def folder(self) -> Path:
        """What a worker gets a copy of."""
        return ENTRIES / self.name

    @property
    def file(self) -> str:
        """The notebook or the script."""
        (found,) = [*self.folder.glob("*.ipynb"), *self.folder.glob("*.py")]
        return found.name


CATALOGUE = [
    Entry(
        "sequential",
        "a Sequential model, a split, curves",
        0.03,
        NOISE,
        figures=("test loss", "test accuracy"),
    ),
    Entry("functional", "two named inputs, two named outputs, a regularizer", 1e-3, SHARES),
    Entry("subclassed", "layers and a model as subclasses, AdamW", 0.03, NOISE, ("test accuracy",)),
    Entry(
        "custom-train-step",
        "`train_step` and `test_step` of its own",
        1e-3,
        SHARES,
        ("validation accuracy",),
    ),
    Entry(
        "autoencoder",
        "both losses written out in `train_step`, SGD",
        0.05,
        NOISE,
        ("reconstruction error",),
    ),
    Entry("gan", "two optimizers in one `train_step`", 0.1, NOISE, ("mean radius",)),
    Entry(
        "tf-data",
        "tf.data with its own batching, augmenting and caching",
        0.05,
        BRIGHTER,
        ("validation accuracy",),
    ),
    Entry(
        "generator",
        "a Python generator, then a PyDataset",
        0.001,
        SHARES,
        ("after the generator", "after the dataset"),
        fits=2,
    ),
    Entry(
        "cnn-batchnorm",
        "a CNN with BatchNormalization",
        0.1,
        STATISTICS,
        ("finite", "test accuracy"),
    ),
    Entry(
        "fine-tuning",
        "three fits: a model, its new head, all of it slowly",
        0.03,
        NOISE,
        ("accuracy on 5 to 9",),
        fits=3,
    ),
    Entry("mixed-precision", "mixed_float16 with loss scaling", 0.02, HALF, ("accuracy",)),
    Entry(
        "own-strategy",
        "its own MirroredStrategy and scope",
        1e-3,
        SHARES,
        ("test accuracy", "test auc"),
    ),
    Entry(
        "devices-by-hand",
        "memory growth, threads and devices set by hand",
        1e-3,
        SHARES,
        ("mean absolute error",),
        warned_gang="passed over",
    ),
    Entry(
        "pip-and-shell",
        "`%pip install`, shell lines, magics, a module written by a cell",
        1e-3,
        SHARES,
        ("accuracy",),
    ),
    Entry(
        "callbacks",
        "eleven callbacks, BackupAndRestore and TensorBoard among them",
        1e-3,
        SHARES,
        ("checkpoints", "lines of the log", "epochs seen", "best accuracy"),
    ),
    Entry(
        "saved-model",
        "saved as .keras, weights and SavedModel, and loaded again",
        1e-3,
        SHARES,
        ("files", "accuracy"),
        models=2,
    ),
    Entry(
        "confusion-matrix",
        "predict, a confusion matrix, plots",
        1e-3,
        SHARES,
        ("rows", "first probability", "last probability", "right"),
    ),
    Entry(
        "custom-loop",
        "a loop with GradientTape",
        1e-3,
        SHARES,
        ("validation accuracy",),
        warned_gang="same work",
        fits=0,
        models=0,
        fingerprint="weights",
    ),
    Entry(
        "distributed-loop",
        "a loop with `strategy.run`",
        1e-3,
        SHARES,
        ("last loss", "test accuracy"),
        fits=0,
        models=0,
        fingerprint="weights",
    ),
    Entry(
        "imbalanced",
        "class weights and sample weights",
        1e-3,
        SHARES,
        ("auc with class weights", "auc with sample weights", "recall with sample weights"),
        fits=2,
    ),
    Entry(
        "unseeded-split",
        "splits and noise without a seed",
        0.2,
        DRAWN,
        ("training on", "test accuracy"),
    ),
    Entry(
        "os-entropy",
        "a seed from the operating system",
        0.3,
        DRAWN,
        ("accuracy",),
        warned_gang="Cell 2 calls urandom|Cell 3 trains on data that differs",
    ),
    Entry(
        "text",
        "TextVectorization, an embedding, raw text in",
        0.03,
        NOISE,
        ("words", "accuracy on raw text"),
    ),
    Entry(
        "recurrent", "LSTM and GRU over windows of a series", 0.03, LOOK, ("mean absolute error",)
    ),
    Entry(
        "normalization",
        "Normalization, and a model for each fold",
        0.03,
        UNEVEN,
        ("mean rmse",),
        fits=3,
    ),
    Entry(
        "relative-files",
        "pictures, settings and results by relative path",
        0.001,
        SHARES,
        ("classes", "lines", "predictions", "accuracy"),
    ),
    Entry(
        "tf-keras",
        "Keras 2 code on tf_keras, HDF5 files",
        0.1,
        STATISTICS,
        ("loaded the same", "accuracy"),
    ),
    Entry("datasets-offline", "`keras.datasets` with no network", refused="~/data", offline=True),
    Entry(
        "pretrained-offline", "`keras.applications` with no network", refused="~/data", offline=True
    ),
    Entry(
        "eager-loop",
        "a loop with GradientTape and no `@tf.function`",
        figures=("loss",),
        refused_gang="without @tf.function",
        fits=0,
        models=0,
    ),
    Entry(
        "parameter-server",
        "a ParameterServerStrategy",
        refused="ParameterServerStrategy does not work",
    ),
]
