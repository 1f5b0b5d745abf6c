// SPDX-License-Identifier: MIT
#include "nnbridge/model.hpp"

#include <map>
#include <tuple>

#include "guarded.hpp"
#include "model_impl.hpp"

namespace nnbridge {
namespace {

/// Opened programs by file and device. A file that was written again since is another program.
class Programs {
 public:
  static Programs& get() {
    static Programs& programs = *new Programs;  // never destroyed: models may outlive statics
    return programs;
  }

  Result<std::shared_ptr<engine::Program>> open(const std::filesystem::path& path,
                                                const std::string& device) {
    std::error_code code;
    const auto canonical = std::filesystem::canonical(path, code);
    if (code) return engine::open_program(path, device);  // which says what is wrong
    const auto written = std::filesystem::last_write_time(canonical, code);
    const auto size = std::filesystem::file_size(canonical, code);
    const Key key(canonical, device, written, code ? 0 : size);
    const auto entry = entry_of(key);
    // One at a time: two objects that open the same file at once still share its weights.
    const std::lock_guard lock(entry->mutex);
    if (auto program = entry->program.lock()) return program;
    auto program = engine::open_program(path, device);
    if (program) entry->program = *program;
    return program;
  }

 private:
  using Key = std::tuple<std::filesystem::path, std::string, std::filesystem::file_time_type,
                         std::uintmax_t>;
  struct Entry {
    std::mutex mutex;  // held while the file is being opened
    std::weak_ptr<engine::Program> program;
  };

  std::shared_ptr<Entry> entry_of(const Key& key) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [](const auto& item) {
      // Nobody else has it, and, under this lock, nobody gets it.
      if (item.second.use_count() > 1) return false;
      const std::lock_guard entry_lock(item.second->mutex);
      return item.second->program.expired();
    });
    auto& entry = entries_[key];
    if (!entry) entry = std::make_shared<Entry>();
    return entry;
  }

  std::mutex mutex_;
  std::map<Key, std::shared_ptr<Entry>> entries_;
};

}  // namespace

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Result<Model> Model::open(const std::filesystem::path& path, const std::string& device) {
  return guarded([&]() -> Result<Model> {
    auto program = Programs::get().open(path, device);
    if (!program) return tl::unexpected(program.error());
    return over(std::move(*program));
  });
}

Result<Model> Model::over(std::shared_ptr<engine::Program> program) {
  return guarded([&]() -> Result<Model> {
    auto instance = program->instance({});
    if (!instance) return tl::unexpected(instance.error());
    auto impl = std::make_unique<Impl>();
    impl->program = std::move(program);
    impl->instance = std::move(*instance);
    return Model(std::move(impl));
  });
}

const std::filesystem::path& Model::path() const { return impl_->program->path(); }
const std::string& Model::device() const { return impl_->program->device(); }
const Contract& Model::contract() const { return impl_->program->contract(); }

Result<void> Model::set(const std::string& attribute, const std::vector<Value>& values) {
  return guarded([&] {
    const std::lock_guard lock(impl_->mutex);
    auto done = impl_->instance->set(attribute, values);
    if (done) remember(impl_->settings, attribute, values);
    return done;
  });
}

Result<std::vector<Value>> Model::get(const std::string& attribute) const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->instance->get(attribute);
}

}  // namespace nnbridge
