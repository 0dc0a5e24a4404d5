#pragma once
#include <cstring>
#include <memory>

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/weights.h"

namespace ttt::fuzz {

/// A copy on the heap, so that the sanitizer sees every read beyond the input.
inline std::shared_ptr<const std::byte> copy(const std::uint8_t* data, std::size_t size) {
  std::shared_ptr<std::byte[]> bytes(new std::byte[size]);
  if (size != 0) std::memcpy(bytes.get(), data, size);
  return {bytes, bytes.get()};
}

/// Loads every tensor and decodes what holds numbers; reads each byte of the rest.
inline void use_all(const WeightSource& source) {
  for (const auto& name : source.names()) {
    try {
      const auto tensor = source.load(name);
      unsigned sum = 0;
      for (const auto byte : tensor.bytes()) sum += std::to_integer<unsigned>(byte);
      [[maybe_unused]] volatile unsigned sink = sum;
      if (is_floating(tensor.dtype()) || is_block_quantized(tensor.dtype())) to_f32(tensor);
    } catch (const Error&) {
    }
  }
}

}  // namespace ttt::fuzz
