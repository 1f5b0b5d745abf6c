// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace nnbridge::max {

/// How an object's inlets and their channels become a model's batch and channels.
enum class Layout : std::uint8_t {
  kSingle,   ///< nn~: an inlet is a channel of the model
  kBatches,  ///< mc.nn~: an inlet is a channel of the model, and its channels are items
  kItems,    ///< mcs.nn~: an inlet is an item, and its channels are those of the model
};
const char* name_of(Layout layout);

/// What goes where between Max's signals and a model's rows (item by item, channel by channel),
/// with the buffers for it: one is made for each compilation, and stays as it is.
class Wiring {
 public:
  struct Shape {
    Layout layout = Layout::kSingle;
    std::vector<int> counts;  ///< channels that come into each inlet
    int outlets = 1;
    int outlet_channels = 1;  ///< of each outlet
    int model_inputs = 1;
    int model_outputs = 1;
    int vector_size = 64;
  };
  explicit Wiring(const Shape& shape);

  int batch() const { return batch_; }
  int vector_size() const { return shape_.vector_size; }

  // [audio] Max counts in doubles, models in floats.
  void gather(const double* const* ins, int in_count, int from, int frames) noexcept;
  void scatter(double* const* outs, int out_count, int from, int frames) const noexcept;
  const std::vector<const float*>& in_rows() const noexcept { return in_rows_; }
  const std::vector<float*>& out_rows() const noexcept { return out_rows_; }

 private:
  Shape shape_;
  int batch_ = 1;
  std::vector<int> from_;  // for each row of the model the signal it comes from; -1: silence
  std::vector<int> to_;    // for each row the signal that it goes to; -1: nowhere
  std::vector<std::vector<float>> in_;
  std::vector<std::vector<float>> out_;
  std::vector<const float*> in_rows_;
  std::vector<float*> out_rows_;
};

}  // namespace nnbridge::max
