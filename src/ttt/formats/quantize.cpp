#include "ttt/formats/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "ttt/core/error.h"
#include "ttt/formats/block_float.h"
#include "ttt/formats/dequantize.h"

namespace ttt::inline v2 {
namespace {

constexpr std::array<DType, 5> kLoadFormats{DType::bfp8, DType::bfp4, DType::bf16, DType::q8_0, DType::q4_0};

void store_u16(std::uint16_t value, std::uint8_t* out) { std::memcpy(out, &value, sizeof value); }

/// As integers magnitudes have the order that they have as numbers; NaN comes behind infinity.
std::int32_t magnitude_bits(float x) { return std::bit_cast<std::int32_t>(x) & 0x7FFFFFFF; }

/// The largest of a block's 32 magnitudes.
std::int32_t largest_magnitude(const float* x) {
  std::int32_t most = 0;
  for (int i = 0; i < 32; ++i) most = std::max(most, magnitude_bits(x[i]));
  return most;
}

/// `value` cut to whole numbers and to [low, high]; NaN becomes low. In range that is the conversion gguf does;
/// outside, where C leaves it open, a fixed answer.
int cut(float value, float low, float high) {
  value = value > low ? value : low;
  return static_cast<int>(value < high ? value : high);
}

/// To the nearest whole number, halves away from zero.
int round_to(float value, float low, float high) {
  value = value > low ? value : low;
  value = value < high ? value : high;
  const int whole = static_cast<int>(value);
  const float rest = value - static_cast<float>(whole);
  return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

void encode_q8_0(const float* x, std::uint8_t* out) {
  const float d = std::bit_cast<float>(largest_magnitude(x)) / 127.0f;
  const float inverse = d == 0 ? 0.0f : 1.0f / d;
  std::array<std::int8_t, 32> codes;
  for (std::size_t i = 0; i < codes.size(); ++i)
    codes[i] = static_cast<std::int8_t>(round_to(x[i] * inverse, -128.0f, 127.0f));
  store_u16(f32_to_f16(d), out);
  std::memcpy(out + 2, codes.data(), codes.size());
}

void encode_q4_0(const float* x, std::uint8_t* out) {
  // The value of largest magnitude, with its sign; the first of equals.
  const std::int32_t largest = largest_magnitude(x);
  const float* const extreme = std::find_if(x, x + 31, [largest](float v) { return magnitude_bits(v) == largest; });
  const float d = *extreme / -8.0f;
  const float inverse = d == 0 ? 0.0f : 1.0f / d;
  std::array<std::uint8_t, 32> codes;
  for (std::size_t i = 0; i < codes.size(); ++i)
    codes[i] = static_cast<std::uint8_t>(cut(x[i] * inverse + 8.5f, 0.0f, 15.0f));
  store_u16(f32_to_f16(d), out);
  for (std::size_t i = 0; i < 16; ++i) out[2 + i] = static_cast<std::uint8_t>(codes[i] | codes[i + 16] << 4);
}

using BlockEncoder = void (*)(const float*, std::uint8_t*);

template <BlockEncoder encode>
void encode_all(std::span<const float> in, const DTypeInfo& format, std::uint8_t* out) {
  for (std::size_t i = 0; i < in.size(); i += format.block_size, out += format.block_bytes) encode(in.data() + i, out);
}

/// `first`: the number of in[0] in the tensor.
void check_finite(DType dtype, std::span<const float> in, std::size_t first) {
  const auto odd = std::ranges::find_if_not(in, [](float x) { return std::isfinite(x); });
  if (odd != in.end())
    throw Error("quantize", fmt::format("{} holds neither infinity nor NaN, but element {} is {}", name(dtype),
                                        first + static_cast<std::size_t>(odd - in.begin()), *odd));
}

void quantize_part(DType dtype, std::span<const float> in, std::size_t first, std::span<std::byte> out) {
  if (row_bytes(dtype, in.size()) != std::optional<std::uint64_t>(out.size()))
    throw Error("quantize", fmt::format("{} elements of {} do not take {} bytes", in.size(), name(dtype), out.size()));
  auto* bytes = reinterpret_cast<std::uint8_t*>(out.data());
  const auto& format = info(dtype);
  switch (dtype) {
    case DType::f32:
      if (!in.empty()) std::memcpy(bytes, in.data(), in.size_bytes());
      return;
    case DType::f16:
      for (std::size_t i = 0; i < in.size(); ++i) store_u16(f32_to_f16(in[i]), bytes + 2 * i);
      return;
    case DType::bf16:
      for (std::size_t i = 0; i < in.size(); ++i) store_u16(f32_to_bf16(in[i]), bytes + 2 * i);
      return;
    case DType::q8_0:
      return encode_all<encode_q8_0>(in, format, bytes);
    case DType::q4_0:
      return encode_all<encode_q4_0>(in, format, bytes);
    case DType::bfp8:
      check_finite(dtype, in, first);
      return encode_all<encode_bfp8>(in, format, bytes);
    case DType::bfp4:
      check_finite(dtype, in, first);
      return encode_all<encode_bfp4>(in, format, bytes);
    default:
      throw Error("quantize", fmt::format("no encoder for {}", name(dtype)));
  }
}

/// Calls task(i) for each i below `count`, on so many threads. Throws what the first of the tasks that fail throws.
template <class Task>
void on_threads(std::size_t count, int threads, Task task) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t failed = count;
  std::exception_ptr error;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) try {
        task(i);
      } catch (...) {
        next = count;  // those before this one have begun, and end
        const std::lock_guard lock(mutex);
        if (i < failed) failed = i, error = std::current_exception();
      }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < std::min(count, static_cast<std::size_t>(std::max(threads, 1))); ++t) try {
        others.emplace_back(work);
      } catch (const std::system_error&) {
        break;  // as many as the system gives do it, too
      }
    work();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace

std::span<const DType> load_formats() { return kLoadFormats; }

void quantize(DType dtype, std::span<const float> in, std::span<std::byte> out) { quantize_part(dtype, in, 0, out); }

Tensor in_format(const Tensor& tensor, DType format, int threads) {
  if (tensor.dtype() == format) return tensor;
  if (!tensor.has_data()) {
    Tensor::bytes_for(format, tensor.shape());
    return Tensor::without_data(format, tensor.shape());
  }
  return Tensor::make(format, tensor.shape(), [&](std::span<std::byte> out) {
    // In parts of whole blocks, which stay in a cache.
    constexpr std::size_t kPart = std::size_t{1} << 14;
    const auto count = static_cast<std::size_t>(tensor.shape().count());
    const auto bytes_of = [](DType dtype, std::size_t elements) {
      return elements / info(dtype).block_size * info(dtype).block_bytes;
    };
    on_threads((count + kPart - 1) / kPart, threads, [&](std::size_t part) {
      const std::size_t first = part * kPart;
      std::vector<float> values(std::min(kPart, count - first));
      const auto in_bytes = bytes_of(tensor.dtype(), values.size()), out_bytes = bytes_of(format, values.size());
      dequantize(tensor.dtype(), tensor.bytes().subspan(bytes_of(tensor.dtype(), first), in_bytes), values);
      quantize_part(format, values, first, out.subspan(bytes_of(format, first), out_bytes));
    });
  });
}

}  // namespace ttt::inline v2
