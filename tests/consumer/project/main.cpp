#include <ttt/core/dtype.h>
#include <ttt/core/shape.h>

#include <iostream>

int main() {
  const ttt::Shape shape{3, 64};
  const auto bytes = ttt::row_bytes(ttt::DType::q4_0, 64);
  if (shape.count() != 192 || !bytes || *bytes != 36) {
    std::cerr << "unexpected: " << shape.str() << '\n';
    return 1;
  }
  std::cout << ttt::name(ttt::DType::q4_0) << ' ' << shape.str() << '\n';
}
