"""KServe's model server with the loaded signature: kserve_digits.py PORT SAVEDMODEL."""

from __future__ import annotations

import sys
from typing import Any

import tensorflow as tf
from kserve import Model, ModelServer


class Digits(Model):
    """The digits model."""

    def load(self) -> bool:
        """Load the signature."""
        self._model = tf.saved_model.load(sys.argv[2])
        self._predict = self._model.signatures["serving_default"]
        self.ready = True
        return True

    def predict(self, payload: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        """Call the signature."""
        outputs = self._predict(pixels=tf.constant(payload["instances"], tf.float32))
        return {"predictions": outputs["output_0"].numpy().tolist()}


model = Digits("digits")
model.load()
ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([model])
