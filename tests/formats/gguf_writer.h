#pragma once
#include "support.h"

namespace ttt::test {

inline std::string gguf_text(const std::string& s) { return raw<std::uint64_t>(s.size()) + s; }
inline std::string gguf_key(const std::string& key, std::uint32_t type) { return gguf_text(key) + raw(type); }
inline std::string gguf_string(const std::string& key, const std::string& value) {
  return gguf_key(key, 8) + gguf_text(value);
}
inline std::string gguf_u32(const std::string& key, std::uint32_t value) { return gguf_key(key, 4) + raw(value); }
inline std::string gguf_f32(const std::string& key, float value) { return gguf_key(key, 6) + raw(value); }

/// A tensor's entry; `dims` innermost first as in the file.
inline std::string gguf_tensor(const std::string& name, std::vector<std::uint64_t> dims, std::uint32_t type,
                               std::uint64_t offset) {
  auto out = gguf_text(name) + raw<std::uint32_t>(dims.size());
  for (const auto dim : dims) out += raw(dim);
  return out + raw(type) + raw(offset);
}

inline std::string gguf_file(const std::vector<std::string>& metadata, const std::vector<std::string>& tensors,
                             std::size_t data_bytes, std::uint32_t version = 3) {
  auto out = "GGUF" + raw(version) + raw<std::uint64_t>(tensors.size()) + raw<std::uint64_t>(metadata.size());
  for (const auto& entry : metadata) out += entry;
  for (const auto& entry : tensors) out += entry;
  out.resize((out.size() + 31) / 32 * 32);
  return out + std::string(data_bytes, '\0');
}

}  // namespace ttt::test
