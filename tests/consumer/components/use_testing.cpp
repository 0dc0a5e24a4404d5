#include <ttt/testing/agreement.h>
#include <ttt/testing/memory_weights.h>

#include <iostream>

int main() {
  const auto values = ttt::testing::random_values(100, 1);
  const auto same = ttt::testing::compare(values, values);
  if (same.max_abs_diff != 0 || same.pcc < 0.999999) {
    std::cerr << "values do not agree with themselves: " << same.pcc << '\n';
    return 1;
  }
}
