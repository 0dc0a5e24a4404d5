"""The settings of the model goldens: one module per model_type, each with CASES, name: (settings, options).

A name starts with the model_type, dashes for underscores. Settings are the configuration's own keys. Options:
  dtype, shard  of the files (float32 in one file)
  hidden=True   the golden holds hidden_0 and hidden_last too
  greedy=False  it holds no continuation
  v4            config.json in transformers 4's spelling; the value names the key of the rope scaling's kind
  drop, put     keys then taken from config.json, and a dict of keys set in it
  saved_as      the class that saves the checkpoint, where it is not the one that is asked
  mxfp4=True    the experts' matrices as random MXFP4 blocks
"""


def rope(kind, theta, **settings):
    return dict(rope_type=kind, rope_theta=theta, **settings)


def factors(count, first, step):
    return [round(first + step * i, 4) for i in range(count)]
