// exp, expm1, log and log1p in float32, written so that loops over them vectorise: no branch, no call, no table.
// Relative errors against float64, measured by tests/unit/regularizers/test_native.py: at most 1.5 units of 2^-23, of exp
// and expm1 3 beyond |x| = 20. The polynomials are minimax fits of ours. NaN gives NaN.
#pragma once

#include <cstdint>
#include <cstring>

namespace {

constexpr float kLn2 = 0.693147180559945309f;   // 2e-9 too large, which n * kLn2 shows only for tiny p
constexpr float kLn2High = 0.693145751953125f;  // n * kLn2High is exact for |n| < 2^9
constexpr float kLn2Low = 1.42860682030941723212e-6f;
constexpr float kLog2E = 1.44269504088896341f;
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, kept in the low bits
constexpr float kLowest = -87.0f;      // e^kLowest is a normal number; smaller ones count as 0

inline int32_t bits_of(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float from_bits(int32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

struct Power {
  float scale, rest;  // e^x = scale + scale * rest, scale = 2^n, rest = e^r - 1
  float n, r;         // x = n log 2 + r, |r| <= log(2) / 2
};

inline Power power(float x) {
  const float rounded = x * kLog2E + kRound;
  const float n = rounded - kRound;
#ifdef __FP_FAST_FMAF
  const float r = x - n * kLn2;  // fused: one rounding
#else
  const float r = (x - n * kLn2High) - n * kLn2Low;
#endif
  float q = 0.0013946581f;
  q = q * r + 0.0083667003f;
  q = q * r + 0.041666284f;
  q = q * r + 0.16666543f;
  q = q * r + 0.5f;
  const auto exponent = static_cast<int32_t>(static_cast<uint32_t>(bits_of(rounded)) << 23);
  return {from_bits(exponent + 0x3f800000), q * (r * r) + r, n, r};
}

// e^x for kLowest <= x <= 88, and for x <= 88: 0 below kLowest, where p adds nothing to any sum.
inline float exp_within(float x) {
  const Power e = power(x);
  return e.scale * e.rest + e.scale;
}
inline float exp_of(float x) {
  const float value = exp_within(x);
  return x < kLowest ? 0.0f : value;
}

// e^x - 1 for x <= 88, with all its digits near 0.
inline float less_one(Power e) { return e.scale * e.rest + (e.scale - 1.0f); }
inline float expm1_of(float x) { return less_one(power(x < kLowest ? kLowest : x)); }

struct Logarithm {
  float shifted, rest;  // k log 2 + rest, shifted = k * 2^23
};

inline float value_of(Logarithm l) { return l.shifted * (kLn2 * 0x1p-23f) + l.rest; }

// log(2^k (1 + f)) for -1/3 <= f < 1/3, `shifted` holding k * 2^23.
inline Logarithm log_of_parts(float f, int32_t shifted) {
  float q = -0.13014880f;
  q = q * f + 0.13723993f;
  q = q * f - 0.12161162f;
  q = q * f + 0.14062980f;
  q = q * f - 0.16681620f;
  q = q * f + 0.20006585f;
  q = q * f - 0.24999790f;
  q = q * f + 0.33333290f;
  q = q * f - 0.5f;
  return {static_cast<float>(shifted), q * (f * f) + f};
}

inline int32_t exponent_above_two_thirds(float x) {  // k * 2^23 with x / 2^k in [2/3, 4/3)
  return (bits_of(x) - 0x3f2aaaab) & static_cast<int32_t>(0xff800000);
}

// log(x) for normal positive x.
inline float log_of(float x) {
  const int32_t shifted = exponent_above_two_thirds(x);
  return value_of(log_of_parts(from_bits(bits_of(x) - shifted) - 1.0f, shifted));
}

// log(1 + y) for y > -1 + 2^-24 and below 2^120, with all its digits near 0.
inline Logarithm log1p_parts(float y) {
  const int32_t shifted = exponent_above_two_thirds(1.0f + y);
  const float scale = from_bits(0x3f800000 - shifted);  // 2^-k: (1 + y) 2^-k - 1 without rounding 1 + y first
  return log_of_parts(y * scale + (scale - 1.0f), shifted);
}
inline float log1p_of(float y) { return value_of(log1p_parts(y)); }

// x - log, x being what the power was taken of: large equal parts cancel as integers, without rounding.
inline float difference_of(Power e, Logarithm l) {
  return (e.n - l.shifted * 0x1p-23f) * kLn2 + (e.r - l.rest);
}

}  // namespace
