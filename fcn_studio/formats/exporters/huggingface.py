"""Export as an image folder with metadata, as Hugging Face's ``datasets`` loads it.

::

    OUT/huggingface/
      {train,val}/images/<id>.jpg
      {train,val}/labels/<id>.png      grey PNGs (mode L) whose values are the class indices, 255 void or unlabelled
      {train,val}/metadata.jsonl       a line for each image: file_name, label_file_name, id
      id2label.json manifest.json HOW_TO_TRAIN.md

Source: huggingface.co/docs/datasets/image_dataset; ``label_file_name`` becomes a second column of images.
"""

from __future__ import annotations

import json
from pathlib import Path

from fcn_studio.core.sample import Split
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import names_in_order, write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.voc.masks import encode_grey_mask

_HOW_TO = """
A row has the columns `image` and `label`. A label is a grey picture whose values are class indices; 255 is void.
`id2label.json` names the classes.

```python
import json
from datasets import load_dataset
from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

data = load_dataset("imagefolder", data_dir=".")
id2label = {int(index): name for index, name in json.load(open("id2label.json")).items()}
processor = AutoImageProcessor.from_pretrained("nvidia/mit-b0", do_reduce_labels=False)
model = AutoModelForSemanticSegmentation.from_pretrained(
    "nvidia/mit-b0", id2label=id2label, label2id={name: index for index, name in id2label.items()}
)
row = data["train"][0]
inputs = processor(row["image"].convert("RGB"), row["label"], return_tensors="pt")
loss = model(**inputs).loss
```
"""


def export(request: ExportRequest) -> ExportSteps:
    """Write ``huggingface`` as `ExportFormat.run` says."""
    rows: dict[Split, list[dict[str, str]]] = {split: [] for split in Split}

    def write_pair(pair: Pair) -> None:
        image, label = f"images/{pair.name}.jpg", f"labels/{pair.name}.png"
        pair.write_image(f"{pair.split}/{image}")
        pair.write_mask(f"{pair.split}/{label}", encode_grey_mask(pair.label_map))
        rows[pair.split].append({"file_name": image, "label_file_name": label, "id": pair.name})

    def finish(folder: Path) -> None:
        for split, of_split in rows.items():
            if of_split:
                lines = "".join(f"{json.dumps(row)}\n" for row in of_split)
                (folder / split / "metadata.jsonl").write_text(lines, encoding="ascii")
        names = dict(enumerate(names_in_order(request.project.config.table)))
        (folder / "id2label.json").write_text(json.dumps(names, indent=1), encoding="ascii")

    return write_data_set(request, "huggingface", write_pair, _HOW_TO, finish=finish)
