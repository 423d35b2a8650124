"""The JSON Schema of a pipeline file, so that editors complete and check it."""

from __future__ import annotations

import json
from typing import Any

from curate.settings import RunSettings
from curate.stages import STAGES


def pipeline_schema() -> str:
    """Return the schema (draft 2020-12) as indented JSON."""
    schema = RunSettings.model_json_schema(ref_template="#/$defs/{model}")
    definitions = schema.setdefault("$defs", {})
    entries: list[dict[str, Any]] = []
    for name, stage in STAGES.items():
        inner = stage.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(inner.pop("$defs", {}))
        summary = (stage.__module__ and (stage.__doc__ or "").splitlines()[0]) or name
        definitions[name] = {**inner, "description": summary}
        entry = {"oneOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}]}
        entries.append({"const": name})
        entries.append(
            {
                "type": "object",
                "properties": {name: entry},
                "required": [name],
                "additionalProperties": False,
            }
        )
    schema["properties"]["stages"] = {
        "type": "array",
        "description": "what happens to a page, in this order",
        "items": {"anyOf": entries},
    }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "curate pipeline"
    return json.dumps(schema, indent=2) + "\n"
