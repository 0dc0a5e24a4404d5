#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "ttt/core/error.h"
#include "ttt/core/tensor.h"

namespace ttt::test {

/// Bytes on the heap, exactly as many as given so that a sanitizer sees reads beyond them.
inline std::shared_ptr<const std::byte> heap(const std::string& bytes) {
  std::shared_ptr<std::byte[]> copy(new std::byte[bytes.size()]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return {copy, copy.get()};
}

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// A folder that goes away with its test.
class TempFolder {
 public:
  TempFolder() {
    auto name = (std::filesystem::temp_directory_path() / "ttt-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// Runs `action`, which must throw E with `part` in its message.
template <class E, class Action>
void expect_error(Action&& action, const std::string& part) {
  try {
    action();
    ADD_FAILURE() << "no error; expected: " << part;
  } catch (const E& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what() << "\n  lacks: " << part;
  }
}

inline Tensor floats(std::vector<float> values, Shape shape) {
  return Tensor::from<float>(std::span<const float>(values), shape);
}
inline std::vector<float> to_vector(const Tensor& t) {
  std::vector<float> values(t.bytes().size() / sizeof(float));
  std::memcpy(values.data(), t.bytes().data(), t.bytes().size());
  return values;
}

}  // namespace ttt::test
