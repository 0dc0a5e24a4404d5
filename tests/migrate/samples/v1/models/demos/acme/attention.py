"""Attention as version 1's models wrote it. A docstring may say model_type == "llama" and tile_size without being code."""
import math

import torch
import ttnn
from models.common.lightweightmodule import LightweightModule
from models.demos.acme.rope import rotary_matrices
from models.demos.mistral7b.tt.masks import window_mask
from models.tt_transformers.tt.common import Mode
from ..llama3 import load_weights


class Attention(LightweightModule):
    def __init__(self, mesh_device, args, state_dict, layer_num):
        self.args = args
        self.head_dim = args.head_dim
        # The scale is head_dim ** -0.5 for every model here.
        self.scale = self.head_dim**-0.5
        self.TG = args.num_devices == 32
        if args.model_type == "llama":
            self.qkv_bias = None
        elif args.model_type in ("qwen2", "qwen2_5"):
            self.qkv_bias = state_dict["bias"]
        if args.is_70b and not args.is_galaxy:
            self.window = None
        elif (
            args.device_name
            == "N150"
            and "gemma" in args.model_name.lower()
        ):
            self.window = window_mask(args)
        self.use_fused_all_gather_matmul = args.model_config["USE_FUSED_ALL_GATHER_MATMUL"]
        self.prefill_rows = 512 if ttnn.is_blackhole() else 1024

    def forward(self, x, position, mode):
        rows = args_rows(x)
        padded = (rows + 31) // 32 * 32
        if mode == Mode.PREFILL:
            return self.forward_prefill(x, padded)
        scores = ttnn.matmul(
            x,
            self.wk,
            program_config=self.args.model_config["QK_DECODE_PROGCFG"],
            compute_kernel_config=self.args.compute_kernel_config_hifi2,
        )
        message = f"model_name is {self.args.model_name} and is_galaxy is off"
        return self.softmax(scores, scale=0.08838834764, note=message)

    def forward_prefill(self, x, padded):
        match self.args.model_name:
            case "phi-4":
                factor = 1 / math.sqrt(self.args.head_dim)
            case _:
                factor = 1.0
        return torch.zeros(padded, self.args.tile_size) * factor
