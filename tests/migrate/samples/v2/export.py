"""Writes a golden for the model in tiny.cpp: what a model_type == "llama" of transformers answers."""
import json
import pathlib
import sys


def main():
    folder = pathlib.Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text())
    print(config["model_type"], config["num_hidden_layers"])


if __name__ == "__main__":
    main()
