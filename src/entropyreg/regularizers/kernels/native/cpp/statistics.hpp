// One row of token_statistics: what statistics.py says, at every temperature while the row is in cache.
#pragma once

#include <cmath>

#include "elementary.hpp"
#include "task.hpp"

namespace {

constexpr float kFinite = -1e20f;  // in place of -inf: its probability is 0, and 0 * kFinite is 0

// How many symbols come before `target`, by logit, then by index.
inline int64_t rank_of(const float* z, int64_t n, int64_t target) {
  const float own = z[target];
  int64_t above = 0;
  for (int64_t start = 0; start < n; start += kBlock * 64) {  // 32-bit counts vectorise better
    const int64_t end = std::min(n, start + kBlock * 64), middle = std::clamp(target, start, end);
    int32_t count = 0;
#pragma omp simd reduction(+ : count)
    for (int64_t k = start; k < middle; ++k) count += z[k] >= own ? 1 : 0;
#pragma omp simd reduction(+ : count)
    for (int64_t k = middle; k < end; ++k) count += z[k] > own ? 1 : 0;
    above += count;
  }
  return above;
}

inline void statistics_row(const StatisticsTask& task, int64_t index) {
  const int64_t n = task.classes, width = 3 + task.thresholds, target = task.targets[index];
  if (!is_class(target, n)) {  // the callers refuse it; nothing outside the row is read
    task.rank[index] = -1;
    for (int64_t i = 0; i < task.temperatures; ++i) {
      float* out = task.columns + i * task.columns_stride + index * width;
      std::fill(out, out + width, kNaN);
    }
    return;
  }
  const float* z = task.logits + index * task.logits_stride;
  const float highest = range_of(z, n).highest;
  task.rank[index] = rank_of(z, n, target);
  for (int64_t i = 0; i < task.temperatures; ++i) {
    const auto inverse = static_cast<float>(1.0 / task.temperature[i]);
    const auto x = [=](int64_t k) {
      const float difference = z[k] - highest;
      return inverse * (difference < kFinite ? kFinite : difference);
    };
    double total = 0.0, product = 0.0;
    sum_blocks(n, total, product, [=](int64_t k, float& a, float& b) {
      const float e = exp_of(x(k));
      a += e;
      b += e * x(k);
    });
    const double log_total = std::log(total);
    float* out = task.columns + i * task.columns_stride + index * width;
    if (std::isnan(total)) {
      task.rank[index] = -1;
      std::fill(out, out + width, kNaN);
      continue;
    }
    out[0] = z[target] - highest == -kInfinity ? kInfinity : static_cast<float>(log_total - x(target));
    out[1] = static_cast<float>(log_total - product / total);
    out[2] = static_cast<float>(1.0 / total);
    for (int64_t j = 0; j < task.thresholds; ++j) {
      const auto limit = static_cast<float>(log_total + std::log(task.threshold[j]));
      int64_t below = 0;
      for (int64_t start = 0; start < n; start += kBlock * 64) {
        const int64_t end = std::min(n, start + kBlock * 64);
        int32_t count = 0;
#pragma omp simd reduction(+ : count)
        for (int64_t k = start; k < end; ++k) count += x(k) < limit ? 1 : 0;
        below += count;
      }
      out[3 + j] = static_cast<float>(static_cast<double>(below) / static_cast<double>(n));
    }
  }
}

}  // namespace
