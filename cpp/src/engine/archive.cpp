// SPDX-License-Identifier: MIT
#include "engine/archive.hpp"

#include <zip.h>

#include <array>
#include <charconv>
#include <memory>
#include <string_view>

#include "nnbridge/paths.hpp"

namespace nnbridge::engine {
namespace {

using Zip = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using Entry = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

std::string quoted(const std::filesystem::path& path) { return "'" + to_utf8(path) + "'"; }

tl::unexpected<Error> damaged(const std::filesystem::path& path, const std::string& detail) {
  return fail(quoted(path) + " is damaged (" + detail + "): copy or download it again.");
}

/// Reads an entry to its end, where libzip compares the checksum. Keeps the text if asked to.
bool read_entry(zip_t* zip, zip_uint64_t index, std::string* text) {
  const Entry entry(zip_fopen_index(zip, index, 0), zip_fclose);
  if (!entry) return false;
  std::array<char, 1 << 16> chunk;
  for (;;) {
    const zip_int64_t got = zip_fread(entry.get(), chunk.data(), chunk.size());
    if (got < 0) return false;
    if (got == 0) return true;
    if (text) text->append(chunk.data(), static_cast<std::size_t>(got));
  }
}

/// An entry's name without the archive's root folder.
std::string_view below_root(std::string_view name) {
  const auto slash = name.find('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
}

}  // namespace

Result<Archive> inspect_archive(const std::filesystem::path& path) {
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status)) return fail("There is no file " + quoted(path) + ".");
  if (!std::filesystem::is_regular_file(status)) {
    return fail(quoted(path) + " is not a file: give the path of a model (.ts).");
  }
  const auto size = std::filesystem::file_size(path, code);
  if (code) return fail(quoted(path) + " can't be read: " + code.message() + ".");
  if (size == 0) return fail(quoted(path) + " is empty: copy or download it again.");

  int zip_code = 0;
  // UTF-8 is what libzip wants on Windows too.
  const Zip zip(zip_open(to_utf8(path).c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &zip_code),
                zip_discard);
  if (!zip) {
    if (zip_code == ZIP_ER_OPEN || zip_code == ZIP_ER_READ) {
      return fail(quoted(path) + " can't be read: check its permissions.");
    }
    if (zip_code == ZIP_ER_NOZIP) {
      return fail(quoted(path) +
                  " is not a TorchScript file, or was cut short: a model is made by `nnbridge "
                  "export` or torch.jit.save.");
    }
    return damaged(path, "the archive contradicts itself");
  }

  // TorchScript stores its parts as they are. A small file that would unpack to a large one isn't
  // one, and may be made to fill the memory.
  constexpr std::uint64_t kMostGrowth = 16;
  constexpr std::uint64_t kMostText = 1 << 20;
  std::uint64_t unpacked = 0;
  Archive archive;
  bool has_code = false;
  bool has_version = false;
  const zip_int64_t count = zip_get_num_entries(zip.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* raw_name = zip_get_name(zip.get(), index, ZIP_FL_ENC_RAW);
    if (!raw_name) return damaged(path, "an entry has no name");
    const std::string_view name = below_root(raw_name);
    zip_stat_t about;
    if (zip_stat_index(zip.get(), index, 0, &about) != 0) {
      return damaged(path, "an entry can't be read");
    }
    unpacked += about.size;
    std::string text;
    // torch writes the version elsewhere once an operator of the model needs a format from 6 on.
    const bool is_version = name == "version" || name == ".data/version";
    const bool keep = is_version || name == "extra/nnbridge.json";
    if (unpacked > kMostGrowth * size + kMostText || (keep && about.size > kMostText)) {
      return fail(quoted(path) +
                  " is not a TorchScript model: it unpacks to far more than its size.");
    }
    if (!read_entry(zip.get(), index, keep ? &text : nullptr)) {
      return damaged(path, "its part " + std::string(raw_name) + " fails its checksum");
    }
    has_code = has_code || name.starts_with("code/");
    if (is_version) {
      has_version = std::from_chars(text.data(), text.data() + text.size(), archive.version).ec ==
                    std::errc();
    } else if (keep) {
      archive.manifest = std::move(text);
    }
  }
  if (!has_code || !has_version) {
    return fail(quoted(path) +
                " is a zip archive but not a TorchScript model: export the model with `nnbridge "
                "export` or torch.jit.save (torch.save keeps no program).");
  }
  return archive;
}

}  // namespace nnbridge::engine
