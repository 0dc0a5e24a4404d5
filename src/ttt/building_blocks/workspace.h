#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "ttt/core/matrix.h"
#include "ttt/hardware/device.h"

namespace ttt::inline v2 {

/// Scratch memory for one forward pass at a time: a stack of device memory that grows to the largest pass seen and
/// is then reused. Blocks open a Frame, take matrices from it, and give all back when the frame ends.
class Workspace {
 public:
  /// Takes nothing yet. The device must outlive it.
  explicit Workspace(Device& device) : device_(device) {}

  /// A scope: matrices taken from it are given back when it ends. Frames nest.
  class Frame {
   public:
    /// Begins at the workspace's present end.
    explicit Frame(Workspace& workspace) : workspace_(workspace), chunk_(workspace.chunk_), used_(workspace.used_) {}
    ~Frame() {
      workspace_.chunk_ = chunk_;
      workspace_.used_ = used_;
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    /// Uninitialised [rows, cols]; rows start at multiples of 64 bytes when cols is a multiple of 16.
    Matrix matrix(std::int64_t rows, std::int64_t cols);

   private:
    Workspace& workspace_;
    std::size_t chunk_, used_;
  };

  /// Uninitialised [rows, cols] that lives until `reset`, or until the frame that is open now ends.
  Matrix matrix(std::int64_t rows, std::int64_t cols);
  void reset();  ///< gives everything back; no frame may be open
  /// Makes that many bytes one piece before a pass, so that what it holds is what was planned and not the sum of the
  /// pieces that matrices of other sizes left behind. Nothing while matrices are in use.
  void reserve(std::size_t bytes);
  std::size_t bytes() const;  ///< device memory held
  /// What `reserve` needs for matrices of that many floats together.
  static std::size_t bytes_for(std::int64_t floats);

 private:
  std::byte* take(std::size_t bytes);

  struct Chunk {
    std::shared_ptr<std::byte> data;
    std::size_t size;
  };
  Device& device_;
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;  ///< index of the chunk in use
  std::size_t used_ = 0;   ///< bytes of it
};

}  // namespace ttt::inline v2
