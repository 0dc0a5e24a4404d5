#pragma once
// Elementary functions over a level's primitives `V` (see linear_kernels_impl.h). A value's bits depend on nothing but
// the value, NaN gives NaN, and coefficients are from tools/kernels/fit_elementary.py. Inlined always, or g++ passes a
// vector of two registers through memory.
#include <algorithm>
#include <cstdint>
#include <initializer_list>

namespace ttt::cpu {
namespace {

using F = V::F;

/// v[i] = f(v[i]); the last few in a vector of their own.
template <class Function>
void map_values(float* v, std::int64_t count, Function f) {
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) V::store(v + i, f(V::load(v + i)));
  if (i == count) return;
  float rest[16] = {};
  std::copy_n(v + i, count - i, rest);
  V::store(rest, f(V::load(rest)));
  std::copy_n(rest, count - i, v + i);
}

/// c[0] x^n + c[1] x^(n - 1) + ...
inline __attribute__((always_inline)) F polynomial(F x, std::initializer_list<float> c) {
  F sum = V::set1(*c.begin());
  for (const float* next = c.begin() + 1; next != c.end(); ++next) sum = V::fma(sum, x, V::set1(*next));
  return sum;
}

inline __attribute__((always_inline)) F clamp(F x, float least, float most) {
  return V::min(V::set1(most), V::max(V::set1(least), x));
}

/// Relative error below 4e-7, where x is tiny as well; within [-1, 1].
inline __attribute__((always_inline)) F tanh(F x) {
  x = clamp(x, -9.0f, 9.0f);  // whose tanh is 1 in f32
  const F square = V::mul(x, x);
  const F p = polynomial(square, {1.341980918e-8f, 2.066130389e-5f, 0.003499001141f, 0.1338398553f, 1.0f});
  const F q = polynomial(square, {7.804738539e-7f, 0.0003291044776f, 0.02589022864f, 0.4671730706f, 1.0f});
  return clamp(V::div(V::mul(x, p), q), -1.0f, 1.0f);
}

inline F sigmoid(F x) { return V::div(V::set1(1.0f), V::add(V::set1(1.0f), V::exp(V::mul(x, V::set1(-1.0f))))); }

/// The part of a normal distribution that is above x, 0.5 erfc(x / sqrt(2)), for x in [0, 15]: exp(-x^2 / 2) times a
/// quotient. Relative error below 4e-7 + 4e-8 x^2.
inline __attribute__((always_inline)) F normal_tail(F x) {
  const F p = polynomial(x, {0.004037734806f, 0.04010291991f, 0.1816600579f, 0.4361651281f, 0.5000000026f});
  const F q = polynomial(x, {0.01012096151f, 0.1005303176f, 0.4653128253f, 1.195954774f, 1.670215187f, 1.0f});
  return V::mul(V::exp(V::mul(V::mul(x, x), V::set1(-0.5f))), V::div(p, q));
}

}  // namespace
}  // namespace ttt::cpu
