// One row of the loss: NLL, J and the gradient. The mathematics is that of divergence.py, which says where it is from.
//     gradient = nll_weight (p - onehot(y)) + strength * scale * p * (v - <v>_p),    each weight times `factor`
// or, with probabilities q as the target, NLL = sum q (log total - x) and gradient nll_weight (p sum(q) - q) + ...
// Forbidden symbols (logit -inf) have p = u = 0, and the baseline is renormalised over the others.
#pragma once

#include <cmath>

#include "elementary.hpp"
#include "task.hpp"

namespace {

constexpr float kLargest = 80.0f;  // bound of -t, as in rows.py
constexpr float kNearlyUniform = 0.0625f;  // rows of less spread are computed precisely: J is 0 there but for rounding
constexpr double kNearEnd = 0.05;  // nearer than this to an end of [0, 1], logarithms are taken by log1p

enum class Kind { kZero, kZeroPrecise, kOne, kOnePrecise, kLog, kLower, kLowerQuick, kUpper, kUpperQuick };
enum class Mode { kPlain, kMasked, kGiven };  // uniform and no p under e^kLowest; uniform; baseline given

struct Row {
  const float* z;
  float *gradient, *exp, *value;  // `gradient` may be null or `z`; `exp` is scratch, as is `value` unless `gradient`
  int64_t target;                 // -1: none
  float *nll, *divergence;
  const float* probabilities;     // null: none
  double nll_weight, strength;    // of this row, times `factor`
  float highest;
  const float* next;  // the logits of the next row, or null
};

inline Kind kind_of(const LossTask& task, bool precise) {
  const double skew = task.skew;
  if (skew == 0.0) return precise ? Kind::kZeroPrecise : Kind::kZero;
  if (skew == 1.0) return precise ? Kind::kOnePrecise : Kind::kOne;
  if (precise || task.baseline) return skew < 0.5 ? Kind::kLower : Kind::kUpper;
  return skew < kNearEnd ? Kind::kLowerQuick : skew > 1.0 - kNearEnd ? Kind::kUpperQuick : Kind::kLog;
}

template <Kind kind, Mode mode>
void loss_row(const LossTask& task, const Row& row) {
  constexpr bool plain = mode == Mode::kPlain, given = mode == Mode::kGiven;
  constexpr bool at_zero = kind == Kind::kZero || kind == Kind::kZeroPrecise, at_one = kind == Kind::kOne;
  const float *z = row.z, *weights = task.baseline, *log_weights = task.log_baseline;
  const int64_t n = task.classes;
  const float highest = row.highest;
  float *exp = row.exp, *value = row.value;
  const auto allowed = [=](int64_t k) { return plain || z[k] - highest > -kInfinity; };
  const auto weight = [=](int64_t k) { return allowed(k) ? (given ? weights[k] : 1.0f) : 0.0f; };
  const auto ratio = [=](int64_t k) {  // t - shift
    const float x = z[k] - highest, v = given ? x - log_weights[k] : x;
    return allowed(k) ? v : 0.0f;
  };

  double total = 0.0, mass = 0.0, mean = 0.0, unused = 0.0;  // mean: <v>_p, or, at skew 1, the sum of u v
  sum_blocks(n, total, mean, [=](int64_t k, float& a, float& b) {
    const float e = plain ? exp_within(z[k] - highest) : exp_of(z[k] - highest);
    exp[k] = e;
    a += e;
    if constexpr (at_zero) b += e * ratio(k);
    if constexpr (at_one) b += given ? weight(k) * ratio(k) : ratio(k);
  }, row.next);
  if constexpr (plain) {
    mass = static_cast<double>(n);
  } else {
    sum_blocks(n, mass, unused, [=](int64_t k, float& a, float&) { a += weight(k); });
  }
  const double log_total = std::log(total), log_mass = std::log(mass), shift = log_mass - log_total;
  *row.nll = row.target < 0 ? 0.0f : static_cast<float>(log_total - (z[row.target] - highest));  // before z is lost
  double target_mass = 1.0, target_mean = 0.0;  // of the probabilities, if they are the target
  if (row.probabilities) {
    const float* q = row.probabilities;
    target_mass = 0.0;
    sum_blocks(n, target_mass, target_mean, [=](int64_t k, float& a, float& b) {
      a += q[k];
      b += q[k] == 0.0f ? 0.0f : q[k] * (z[k] - highest);
    });
    *row.nll = static_cast<float>(target_mass * log_total - target_mean);
  }
  const double rest = 1.0 - task.skew;
  const float shift32 = static_cast<float>(shift), skew32 = static_cast<float>(task.skew);
  const float rest32 = static_cast<float>(rest);
  double divergence = 0.0, scale = 1.0, sum = 0.0;  // sum: over u

  if constexpr (at_zero) {
    mean /= total;
    divergence = mean + shift;
    if constexpr (kind == Kind::kZeroPrecise) {  // <e^t - 1>_u is 0 but for rounding, which it takes away
      sum_blocks(n, sum, unused, [=](int64_t k, float& a, float&) {
        a += weight(k) * expm1_of(allowed(k) ? ratio(k) + shift32 : 0.0f);
      });
      divergence -= sum / mass;
    }
  } else if constexpr (at_one) {
    divergence = -(mean / mass + shift);
  } else if constexpr (kind == Kind::kOnePrecise) {  // J = <e^t - 1 - t>_u;  p - u = u (e^t - 1)
    sum_blocks(n, sum, mean, [=](int64_t k, float& a, float& b) {
      const float t = allowed(k) ? ratio(k) + shift32 : 0.0f, difference = weight(k) * expm1_of(t);
      a += difference - weight(k) * t;
      b += difference;
      value[k] = difference;
    });
    divergence = sum / mass;
    mean /= mass;
  } else if constexpr (kind == Kind::kLog) {  // log(m / u) = log(exp + c) + log skew + shift
    const double log_skew = std::log(task.skew);
    const float c = static_cast<float>(total * rest / (task.skew * mass));
    sum_blocks(n, sum, mean, [=](int64_t k, float& a, float& b) {
      const float e = exp[k], log_sum = allowed(k) ? log_of(e + c) : 0.0f, v = ratio(k) - log_sum;
      a += log_sum;
      b += e * v;
      value[k] = v;
    });
    mean /= total;
    divergence = (mean - log_skew) / rest - (sum / mass + log_skew + shift) / task.skew;
    scale = 1.0 / rest;
  } else {  // log(m / u) = log1p(skew (e^t - 1)), or log(m / p) = log1p((1-skew) (e^-t - 1))
    constexpr bool upper = kind == Kind::kUpper || kind == Kind::kUpperQuick;
    constexpr bool quick = kind == Kind::kLowerQuick || (kind == Kind::kUpperQuick && plain);  // e^t from `exp`
    int64_t top = 0;  // subtracting its v from all leaves <v>_p its digits
    if constexpr (given) {
      while (top < n - 1 && z[top] != highest) ++top;
    }
    const auto part = upper ? rest32 : skew32;
    const auto per_exp = static_cast<float>(upper ? total / mass : mass / total);
    struct Mixture {
      float log, less;  // the logarithm, and t (or -t) less the logarithm
    };
    const auto mixture = [=](float v, float e) {  // v = t - shift
      float t = upper ? -(v + shift32) : v + shift32;
      t = upper && t > kLargest ? kLargest : t;
      if constexpr (quick) {
        const float log = log1p_of(part * ((upper ? per_exp / e : e * per_exp) - 1.0f));
        return Mixture{log, t - log};
      }
      const Power power_of_t = power(t < kLowest ? kLowest : t);
      const Logarithm log = log1p_parts(part * less_one(power_of_t));
      const float less = t < kLowest ? t - value_of(log) : difference_of(power_of_t, log);
      return Mixture{value_of(log), less};
    };
    const Mixture highest_one = mixture(given ? ratio(top) : 0.0f, 1.0f);
    const float centre = upper ? highest_one.log : highest_one.less;
    sum_blocks(n, sum, mean, [=](int64_t k, float& a, float& b) {
      const Mixture found = mixture(ratio(k), exp[k]);
      const float v = allowed(k) ? (upper ? found.log : found.less) - centre : 0.0f;
      a += weight(k) * (upper ? found.less : found.log);
      b += exp[k] * v;
      value[k] = v;
    });
    mean /= total;
    scale = upper ? -1.0 / rest : 1.0 / rest;
    divergence = scale * (mean + centre) + (upper ? sum : -sum) / (mass * task.skew);
  }

  if (task.entropy_sign) {
    divergence += task.entropy_sign * log_mass;
  } else if (divergence < 0.0) {  // rounding
    divergence = 0.0;
  }
  *row.divergence = static_cast<float>(divergence);
  if (!row.gradient) return;

  const double from_nll = row.target < 0 && !row.probabilities ? 0.0 : row.nll_weight * target_mass;
  const double from_j = row.strength * scale;
  float* out = row.gradient;
  if constexpr (at_one || kind == Kind::kOnePrecise) {
    const auto per_exp = static_cast<float>((from_nll - from_j * (at_one ? -1.0 : mean)) / total);
    const auto per_value = static_cast<float>(from_j / mass);
#pragma omp simd
    for (int64_t k = 0; k < n; ++k) {
      out[k] = exp[k] * per_exp + per_value * (at_one ? -weight(k) : value[k]);
    }
  } else {  // the product with exp first: it is 0 where v may be so low that the others would overflow
    const auto per_exp = static_cast<float>((from_nll - from_j * mean) / total);
    const auto per_product = static_cast<float>(from_j / total);
#pragma omp simd
    for (int64_t k = 0; k < n; ++k) {
      out[k] = (exp[k] * (at_zero ? ratio(k) : value[k])) * per_product + exp[k] * per_exp;
    }
  }
  if (row.target >= 0) out[row.target] -= static_cast<float>(from_nll);
  if (row.probabilities) {
    const auto per_q = static_cast<float>(row.nll_weight);
    const float* q = row.probabilities;
#pragma omp simd
    for (int64_t k = 0; k < n; ++k) out[k] -= per_q * q[k];
  }
  if (n == 1) out[0] = 0.0f;  // exactly
}

template <Kind kind>
void loss_row_of_kind(const LossTask& task, const Row& row, float lowest) {
  if (task.baseline) {
    loss_row<kind, Mode::kGiven>(task, row);
  } else if (lowest - row.highest > kLowest) {
    loss_row<kind, Mode::kPlain>(task, row);
  } else {
    loss_row<kind, Mode::kMasked>(task, row);
  }
}

}  // namespace
