// SPDX-License-Identifier: MIT
#include "stream/settle.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace nnbridge {
namespace {

constexpr int kDefaultBlock = 512;
constexpr int kDefaultRate = 44100;
constexpr int kMostFrames = kLargestStep;
constexpr double kMostSamples = 1 << 26;  // a quarter of a gigabyte
constexpr int kMostRows = 4096;

Result<void> check_range(const char* what, int value, int least, int most) {
  if (value >= least && value <= most) return {};
  return fail(std::string(what) + " must be between " + std::to_string(least) + " and " +
              std::to_string(most) + ", not " + std::to_string(value) + ".");
}

}  // namespace

int model_block(int step, std::optional<int> asked) {
  const int least = asked.value_or(kDefaultBlock);
  return (least + step - 1) / step * step;
}

Result<Settled> settle(const Contract& contract, const StreamConfig& asked) {
  auto chain = contract.chain(asked.method);
  if (!chain) return tl::unexpected(chain.error());
  StreamConfig config = asked;
  config.sample_rate = asked.sample_rate.value_or(contract.sample_rate.value_or(kDefaultRate));
  for (const auto& checked :
       {check_range("The sample rate in Hz", *config.sample_rate, kLowestRate, kHighestRate),
        check_range("The host block in frames", config.host_block, 1, kMostFrames),
        check_range("The burst in frames", config.burst, 0, kMostFrames),
        check_range("The model block in samples", config.block.value_or(1), 1, kMostFrames),
        check_range("The batch", config.batch, 1, 4096),
        check_range("The model delay in samples", config.model_delay.value_or(0), 0,
                    kLargestStep)}) {
    if (!checked) return tl::unexpected(checked.error());
  }
  if (config.late == LatePolicy::kDry && (chain->in_ratio() != 1 || chain->out_ratio() != 1)) {
    return fail("The late policy 'dry' needs a method that takes and gives audio; '" +
                config.method + "' does not: use 'silence'.");
  }
  config.block = model_block(chain->step, asked.block);
  const double rows =
      static_cast<double>(config.batch) * std::max(chain->in_channels(), chain->out_channels());
  if (rows * std::max(*config.block, config.host_block) > kMostSamples) {
    return fail("The stream would need more than 256 MB for one block (" +
                std::to_string(*config.block) + " samples): ask for a smaller block or batch.");
  }
  if (rows > kMostRows) {
    return fail("A stream has at most " + std::to_string(kMostRows) +
                " channels, all items counted: ask for a smaller batch.");
  }
  const int model_rate =
      config.resample && contract.sample_rate ? *contract.sample_rate : *config.sample_rate;
  return Settled{.config = config,
                 .pipeline = {.chain = std::move(*chain),
                              .batch = config.batch,
                              .split_batch = config.split_batch && config.batch > 1,
                              .block = *config.block,
                              .host_rate = *config.sample_rate,
                              .model_rate = model_rate,
                              .seed = config.seed,
                              .latents = config.latents}};
}

Result<int> settle_deadline(const StreamConfig& config, const rate::Timeline& timeline,
                            double cost) {
  const int block = static_cast<int>(timeline.first_host_frame(timeline.block(), 1));
  // A call larger than a block brings several jobs at once, and the next call comes that much
  // later.
  const int most = std::max({block, config.host_block, config.burst});
  if (config.deadline) {
    const auto checked = check_range("The deadline in frames", *config.deadline, 0, most);
    if (!checked) return tl::unexpected(checked.error());
    return *config.deadline;
  }
  // Twice the cost leaves room for a busy machine; a whole host block, or burst of them, since the
  // result may be asked for at the first call after the one that brought the input.
  const double needed =
      std::max(config.host_block, config.burst) + 2.0 * cost * *config.sample_rate;
  const double quarter = std::max(block / 4.0, 1.0);
  const double rounded = std::ceil(std::ceil(needed / quarter) * quarter);
  return static_cast<int>(std::min<double>(rounded, most));
}

}  // namespace nnbridge
