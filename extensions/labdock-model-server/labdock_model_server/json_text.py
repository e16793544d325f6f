"""Reading a request's JSON as TensorFlow Serving's parser does: NaN and Infinity are numbers."""

from __future__ import annotations

import json
from typing import Any

import orjson

from labdock_model_server.errors import RequestError

_SENTENCES = {
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Extra data": "The document root must not be followed by other values.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid control character at": "Invalid encoding in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
}
"""What Python's parser says, in the words of TensorFlow Serving's."""


def read(body: bytes) -> dict[str, Any]:
    """The object in a request's body. Raises RequestError."""
    if not body:
        raise RequestError("JSON Parse error: The document is empty")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _read_slowly(body)
    if not isinstance(document, dict):
        raise RequestError(f"JSON Value: {show(document)} Is not object")
    return document


def _read_slowly(body: bytes) -> Any:
    """Accept what orjson refuses and should not, and say precisely what is wrong with the rest."""
    try:
        text = body.decode("utf-8-sig")
        document = json.loads(text)
        show(document).encode()
    except UnicodeEncodeError:
        raise _malformed("The surrogate pair in string is invalid.", 0) from None
    except UnicodeDecodeError as error:
        raise _malformed("Invalid encoding in string.", error.start) from None
    except json.JSONDecodeError as error:
        raise _malformed(_sentence(error), len(error.doc[: error.pos].encode())) from None
    except (ValueError, RecursionError):
        raise _malformed("Invalid value.", 0) from None
    return document


def _malformed(sentence: str, offset: int) -> RequestError:
    return RequestError(f"JSON Parse error: {sentence} at offset: {offset}")


def _sentence(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "The document is empty."
    if error.msg == "Expecting ',' delimiter":
        if _innermost(error.doc[: error.pos]) == "[":
            return "Missing a comma or ] after an array element."
        return "Missing a comma or } after an object member."
    return _SENTENCES.get(error.msg, "Invalid value.")


def _innermost(text: str) -> str:
    """The bracket that is still open at the end of a piece of JSON."""
    open_brackets, in_string, escaped = [""], False, False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            open_brackets.append(character)
        elif character in "]}":
            open_brackets.pop()
    return open_brackets[-1]


def show(value: Any) -> str:
    """A JSON value as error messages show it."""
    return json.dumps(value, indent=4, ensure_ascii=False)


def type_of(value: Any) -> str:
    """A JSON value's type as error messages name it."""
    if value is None or isinstance(value, bool):
        return "Null" if value is None else str(value)
    names = {dict: "Object", list: "Array", str: "String"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "Number")
