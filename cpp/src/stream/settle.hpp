// SPDX-License-Identifier: MIT
#pragma once

#include "nnbridge/stream.hpp"
#include "stream/pipeline.hpp"

namespace nnbridge {

/// A stream's configuration with everything decided that can be before the model has run.
struct Settled {
  StreamConfig config;      ///< sample_rate and block filled in
  PipelineConfig pipeline;  ///< what to build
};

/// Checks a configuration against a model's contract. The error is a sentence for the user.
Result<Settled> settle(const Contract& contract, const StreamConfig& config);

/// The deadline to use, in host frames: the one asked for, or one that follows from the cost of an
/// inference (seconds) in quarters of a model block, so that one machine comes to one figure
/// whatever else it is doing.
Result<int> settle_deadline(const StreamConfig& config, const rate::Timeline& timeline,
                            double cost);

/// The least B that is a multiple of the step and not below what was asked for.
int model_block(int step, std::optional<int> asked);

}  // namespace nnbridge
