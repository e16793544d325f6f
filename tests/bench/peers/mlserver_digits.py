"""MLServer with a runtime over the loaded signature: mlserver_digits.py PORT SAVEDMODEL."""

from __future__ import annotations

import asyncio
import sys

import tensorflow as tf
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse


class Digits(MLModel):
    """The digits model."""

    async def load(self) -> bool:
        """Load the signature."""
        self._model = tf.saved_model.load(self.settings.parameters.uri)
        self._predict = self._model.signatures["serving_default"]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Call the signature."""
        pixels = NumpyCodec.decode_input(payload.inputs[0])
        answer = self._predict(pixels=tf.constant(pixels))["output_0"].numpy()
        outputs = [NumpyCodec.encode_output("output_0", answer)]
        return InferenceResponse(model_name=self.name, outputs=outputs)


async def main() -> None:
    """Serve until killed."""
    port = int(sys.argv[1])
    settings = Settings(
        http_port=port, grpc_port=port + 1, metrics_port=port + 2, parallel_workers=0
    )
    parameters = ModelParameters(uri=sys.argv[2])
    model = ModelSettings(name="digits", implementation=Digits, parameters=parameters)
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main())
