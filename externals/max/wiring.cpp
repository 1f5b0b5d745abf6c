// SPDX-License-Identifier: MIT
#include "wiring.hpp"

#include <algorithm>

namespace nnbridge::max {

const char* name_of(Layout layout) {
  switch (layout) {
    case Layout::kBatches:
      return "mc.nn~";
    case Layout::kItems:
      return "mcs.nn~";
    case Layout::kSingle:
      break;
  }
  return "nn~";
}

Wiring::Wiring(const Shape& shape) : shape_(shape) {
  const auto& counts = shape.counts;
  const bool items = shape.layout == Layout::kItems;
  const int inlets = static_cast<int>(counts.size());
  if (items) {
    batch_ = inlets;
  } else if (shape.layout == Layout::kBatches && !counts.empty()) {
    batch_ = std::max(1, *std::max_element(counts.begin(), counts.end()));
  }
  std::vector<int> first{0};  // the signal with which each inlet begins
  for (const int count : counts) first.push_back(first.back() + count);

  for (int item = 0; item < batch_; ++item) {
    for (int channel = 0; channel < shape.model_inputs; ++channel) {
      const int inlet = items ? item : channel;
      const int within = items ? channel : item;
      const auto at = static_cast<std::size_t>(inlet);
      from_.push_back(inlet < inlets && within < counts[at] ? first[at] + within : -1);
    }
    for (int channel = 0; channel < shape.model_outputs; ++channel) {
      const int outlet = items ? item : channel;
      const int within = items ? channel : item;
      const bool there = outlet < shape.outlets && within < shape.outlet_channels;
      to_.push_back(there ? outlet * shape.outlet_channels + within : -1);
    }
  }
  const auto frames = static_cast<std::size_t>(shape.vector_size);
  in_.assign(from_.size(), std::vector<float>(frames));
  out_.assign(to_.size(), std::vector<float>(frames));
  for (const auto& row : in_) in_rows_.push_back(row.data());
  for (auto& row : out_) out_rows_.push_back(row.data());
}

void Wiring::gather(const double* const* ins, int in_count, int from, int frames) noexcept {
  for (std::size_t row = 0; row < from_.size(); ++row) {
    const int signal = from_[row];
    float* const to = in_[row].data();
    if (signal < 0 || signal >= in_count) {
      std::fill_n(to, frames, 0.0F);
      continue;
    }
    for (int i = 0; i < frames; ++i) to[i] = static_cast<float>(ins[signal][from + i]);
  }
}

void Wiring::scatter(double* const* outs, int out_count, int from, int frames) const noexcept {
  for (int signal = 0; signal < out_count; ++signal) std::fill_n(outs[signal] + from, frames, 0.0);
  for (std::size_t row = 0; row < to_.size(); ++row) {
    const int signal = to_[row];
    if (signal >= 0 && signal < out_count) {
      std::copy_n(out_[row].data(), frames, outs[signal] + from);
    }
  }
}

}  // namespace nnbridge::max
