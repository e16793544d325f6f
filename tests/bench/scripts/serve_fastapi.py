"""What many write first: FastAPI and the loaded signature.

serve_fastapi.py PORT SAVEDMODEL FOLDER, with fastapi and uvicorn in FOLDER.
"""

import sys

sys.path.append(sys.argv[3])

import tensorflow as tf
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = tf.saved_model.load(sys.argv[2])
predict_digits = model.signatures["serving_default"]


class Request(BaseModel):
    """A request of TensorFlow Serving's row format."""

    instances: list[list[float]]


@app.post("/v1/models/digits:predict")
async def predict(request: Request) -> dict[str, list[list[float]]]:
    """Call the signature."""
    outputs = predict_digits(pixels=tf.constant(request.instances))
    return {"predictions": outputs["output_0"].numpy().tolist()}


uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
