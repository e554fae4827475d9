// The native CPU kernels, as a plain C interface: rows are independent, so results do not depend on the threads.
#include <exception>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "rows.hpp"
#include "statistics.hpp"

namespace {

using RowFunction = void (*)(const LossTask&, const Row&, float);

RowFunction row_function(Kind kind) {
  switch (kind) {
    case Kind::kZero: return loss_row_of_kind<Kind::kZero>;
    case Kind::kZeroPrecise: return loss_row_of_kind<Kind::kZeroPrecise>;
    case Kind::kOne: return loss_row_of_kind<Kind::kOne>;
    case Kind::kOnePrecise: return loss_row_of_kind<Kind::kOnePrecise>;
    case Kind::kLog: return loss_row_of_kind<Kind::kLog>;
    case Kind::kLower: return loss_row_of_kind<Kind::kLower>;
    case Kind::kLowerQuick: return loss_row_of_kind<Kind::kLowerQuick>;
    case Kind::kUpper: return loss_row_of_kind<Kind::kUpper>;
    default: return loss_row_of_kind<Kind::kUpperQuick>;
  }
}

void loss_rows(const LossTask& task, int64_t start, int64_t end, float* scratch) {
  const RowFunction usual = row_function(kind_of(task, task.precise));
  const RowFunction precise = row_function(kind_of(task, true));
  for (int64_t i = start; i < end; ++i) {
    const float* z = task.logits + i * task.logits_stride;
    float* gradient = task.gradient ? task.gradient + i * task.gradient_stride : nullptr;
    if (task.ignored && task.ignored[i]) {
      task.nll[i] = task.divergence[i] = 0.0f;
      if (gradient) std::fill(gradient, gradient + task.classes, 0.0f);
      continue;
    }
    const int64_t target = task.targets ? task.targets[i] : -1;
    if (task.targets && !is_class(target, task.classes)) {
      task.nll[i] = task.divergence[i] = kNaN;
      if (gradient) std::fill(gradient, gradient + task.classes, kNaN);
      continue;
    }
    const Range range = range_of(z, task.classes);
    float* value = gradient ? gradient : scratch + task.classes;
    const float* next = i + 1 < end ? z + task.logits_stride : nullptr;
    const float lowest = range.lowest == -kInfinity ? lowest_allowed(z, task.classes) : range.lowest;
    const RowFunction function = !task.baseline && range.highest - lowest < kNearlyUniform ? precise : usual;
    const double nll_weight = task.nll_weights ? task.nll_weights[i] : task.factor * task.nll_weight;
    const double strength = task.strengths ? task.strengths[i] : task.factor * task.strength;
    const float* probabilities = task.probabilities ? task.probabilities + i * task.classes : nullptr;
    function(task,
             {z, gradient, scratch, value, target, task.nll + i, task.divergence + i, probabilities, nll_weight,
              strength, range.highest, next},
             range.lowest);
  }
}

// work(start, end, part) over all rows, in equal parts; a part whose thread cannot be started runs here.
template <class Work>
void in_parallel(int64_t rows, int64_t threads, Work work) {
  std::vector<std::thread> helpers;
  helpers.reserve(threads - 1);
  for (int64_t part = 1; part < threads; ++part) {
    const int64_t start = rows * part / threads, end = rows * (part + 1) / threads;
    try {
      helpers.emplace_back(work, start, end, part);
    } catch (const std::exception&) {
      work(start, end, part);
    }
  }
  work(0, rows / threads, 0);
  for (std::thread& helper : helpers) helper.join();
}

int64_t useful_threads(int64_t rows, int64_t classes, int64_t threads) {  // starting one costs as much as 2^15 logits
  const int64_t most = std::min(rows, rows * classes / (1 << 17));
  return std::max<int64_t>(1, std::min(threads, most));
}

}  // namespace

extern "C" {

// 0, or 1 if there is no memory for the scratch: two rows a thread.
int entropyreg_loss(const LossTask* task) {
  try {
    const int64_t threads = useful_threads(task->rows, task->classes, task->threads);
    const std::unique_ptr<float[]> scratch(new float[2 * threads * task->classes]);
    float* memory = scratch.get();
    in_parallel(task->rows, threads, [=](int64_t start, int64_t end, int64_t part) {
      loss_rows(*task, start, end, memory + 2 * part * task->classes);
    });
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

int entropyreg_statistics(const StatisticsTask* task) {
  try {
    const int64_t threads = useful_threads(task->rows, task->classes, task->threads);
    in_parallel(task->rows, threads, [=](int64_t start, int64_t end, int64_t) {
      for (int64_t i = start; i < end; ++i) statistics_row(*task, i);
    });
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

// For tests: the elementary functions, 0 = exp, 1 = expm1, 2 = log, 3 = log1p.
void entropyreg_elementary(int64_t which, const float* x, float* y, int64_t n) {
#define ENTROPYREG_LOOP(function)                              \
  _Pragma("omp simd") for (int64_t k = 0; k < n; ++k) y[k] = function(x[k]);
  if (which == 0) {
    ENTROPYREG_LOOP(exp_of)
  } else if (which == 1) {
    ENTROPYREG_LOOP(expm1_of)
  } else if (which == 2) {
    ENTROPYREG_LOOP(log_of)
  } else {
    ENTROPYREG_LOOP(log1p_of)
  }
}
}
