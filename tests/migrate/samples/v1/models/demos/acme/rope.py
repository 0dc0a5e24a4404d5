# Nothing to find here: what looks like a pattern is a name, a default or a text.
import re


def rotary_matrices(args, model_name=None, mode="decode"):
    found = re.search(r"(.*?\d+[bB])-", model_name or "")
    match = found and found.group(1)
    if model_name is None:
        raise ValueError("expected a model_name such as llama or is_galaxy")
    num_devices = args.num_devices
    scale = 1.0
    return match, mode, num_devices, scale
