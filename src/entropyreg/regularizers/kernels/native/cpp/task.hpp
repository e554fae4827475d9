// What Python passes, field by field as in kernels/native/__init__.py, and the bookkeeping of one row. Pointers may be null where stated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace {

constexpr int64_t kBlock = 512;  // float32 sums run over this many elements, sums of blocks in double
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct LossTask {
  int64_t rows, classes, logits_stride, gradient_stride;
  const float* logits;
  float* gradient;         // null: terms only; may be `logits`
  const int64_t* targets;  // null: no NLL
  const uint8_t* ignored;  // null: none
  const float* baseline;   // null: uniform
  const float* log_baseline;
  const float* probabilities;  // (rows, classes), dense: the targets of the NLL in place of `targets`; null: none
  const float* nll_weights;    // (rows,): these and `strengths` replace nll_weight, strength and factor; null: none
  const float* strengths;
  float* nll;
  float* divergence;
  double skew, strength, nll_weight, factor;  // the gradient of the loss is multiplied by `factor`
  int64_t precise, entropy_sign, threads;
};

struct StatisticsTask {
  int64_t rows, classes, logits_stride, columns_stride, temperatures, thresholds;
  const float* logits;
  const int64_t* targets;
  const double* temperature;  // (temperatures,)
  const double* threshold;    // (thresholds,)
  float* columns;             // (temperatures, rows, 3 + thresholds) by columns_stride: nll, entropy, max_prob, shares
  int64_t* rank;              // (rows,)
  int64_t threads;
};

inline bool is_class(int64_t target, int64_t classes) { return target >= 0 && target < classes; }

struct Range {
  float highest, lowest;
};

inline Range range_of(const float* z, int64_t n) {
  float highest = -kInfinity, lowest = kInfinity;
#pragma omp simd reduction(max : highest) reduction(min : lowest)
  for (int64_t k = 0; k < n; ++k) {
    highest = z[k] > highest ? z[k] : highest;
    lowest = z[k] < lowest ? z[k] : lowest;
  }
  return {highest, lowest};
}

// The lowest logit that is not -inf.
inline float lowest_allowed(const float* z, int64_t n) {
  float lowest = kInfinity;
#pragma omp simd reduction(min : lowest)
  for (int64_t k = 0; k < n; ++k) {
    const float x = z[k] == -kInfinity ? kInfinity : z[k];
    lowest = x < lowest ? x : lowest;
  }
  return lowest;
}

// The sum over k of two terms at once: term(k, first, second) adds to both. Meanwhile the memory at `next`, the row that
// is read after this one, is fetched; null: nothing is.
template <class Term>
inline void sum_blocks(int64_t n, double& first, double& second, Term term, const float* next = nullptr) {
  for (int64_t start = 0; start < n; start += kBlock) {
    const int64_t end = std::min(n, start + kBlock);
    float a = 0.0f, b = 0.0f;
    if (next) {
      for (int64_t k = start; k < end; k += 16) __builtin_prefetch(next + k);
    }
#pragma omp simd reduction(+ : a, b)
    for (int64_t k = start; k < end; ++k) term(k, a, b);
    first += a;
    second += b;
  }
}

}  // namespace
