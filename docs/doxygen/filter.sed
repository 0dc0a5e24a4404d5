# What Doxygen reads in place of the headers (sed -E): what every op and every block has is described once, here, instead
# of in each header. Lines stay where they are.

# Doxygen 1.9.4 does not parse an inline namespace in a nested name.
s/^namespace ttt::inline v2/namespace ttt/

# Ops (ttt/ops/kernel_table.h says what makes a type an op).
/static constexpr std::string_view name = /s|$| ///< The op's name in kernel tables, traces and errors.|
s|^( *)struct Args \{|\1/** What one call of the op takes. */ struct Args {|
/using Kernel = /s|$| ///< What a device's kernel for this op looks like.|
/static .*reference\(Device&, const Args&\);/s|$| ///< Runs the op plainly: the oracle of the kernels' tests, and what a device without a kernel of its own runs.|
/static void check\(const Args&\);/s|$| ///< Throws ShapeError unless the sizes fit together; kernels rely on it.|
/static Work work\(const Args&\);$/s|$| ///< The arithmetic and the bytes that this call cannot do without.|

# Blocks (docs/concepts.md).
s|^( *)struct Config \{$|\1/** The numbers of the block: pure math, the same for every layer that is built from it. */ struct Config {|
s|^( *)([A-Za-z]+\(const Config& \w+, .*const Weights& weights, Device& device)|\1/** Takes the tensors that the contract lists from `weights` and packs them for the device. */ \2|
/^  void forward\(.*\) const( \{|;)$/s|^  |  /** Computes what the contract above says, for the rows of `step`. */ |
/^  std::uint64_t weight_bytes\(\) const( \{.*)?;?$/s|^  |  /** Bytes that the packed weights take in the device's memory. */ |
/^  std::int64_t workspace_cols\(\) const( \{.*)?;?/s|^  |  /** Most floats of scratch that `forward` takes from the step's workspace for each token. */ |
/^  CacheLayerSpec cache_spec\(\) const /s|^  |  /** What the block keeps in the KV cache for each token. */ |
/^  std::vector<CacheLayerSpec> cache_layers\(\) const /s|^  |  /** What the attention layers keep in the KV cache for each token, in their order. */ |

# Full specialisations.
s|^template <>$|/** What the template says, for this type. */ template <>|
