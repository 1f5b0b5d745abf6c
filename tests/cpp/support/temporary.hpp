// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace nnbridge::test {

/// A folder that is this process's alone, and gone at its end. CTest runs every test in a process
/// of its own, several at a time: what they write must not lie under one name.
inline const std::filesystem::path& temporary_folder() {
  struct Folder {
    Folder() {
      std::string name = (std::filesystem::temp_directory_path() / "nnbridge_XXXXXX").string();
      if (mkdtemp(name.data()) == nullptr) throw std::runtime_error(name + " can't be made");
      path = name;
    }
    ~Folder() {
      std::error_code error;
      std::filesystem::remove_all(path, error);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::filesystem::path path;
  };
  static const Folder kFolder;
  return kFolder.path;
}

}  // namespace nnbridge::test
