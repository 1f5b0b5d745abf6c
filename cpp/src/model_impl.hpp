// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>

#include "engine/engine.hpp"
#include "nnbridge/model.hpp"
#include "stream/pipeline.hpp"

namespace nnbridge {

struct Model::Impl {
  std::shared_ptr<engine::Program> program;
  std::mutex mutex;                            // of what follows
  std::unique_ptr<engine::Instance> instance;  // attributes only
  Settings settings;                           // what streams made from this model start with
};

}  // namespace nnbridge
