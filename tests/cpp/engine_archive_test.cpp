// SPDX-License-Identifier: MIT
// What is read from a model file before anything of it is run.
#include <gtest/gtest.h>
#include <zip.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/archive.hpp"
#include "support/temporary.hpp"

using nnbridge::engine::inspect_archive;

namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

/// A zip file with these entries, not compressed, as torch writes them; removed at the end.
class File {
 public:
  explicit File(const Entries& entries) {
    zip_t* zip = zip_open(path_.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& [name, text] : entries) {
      zip_source_t* source = zip_source_buffer(zip, text.data(), text.size(), 0);
      const zip_int64_t index = zip_file_add(zip, name.c_str(), source, 0);
      zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
    }
    zip_close(zip);
  }
  ~File() { std::filesystem::remove(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_ = nnbridge::test::temporary_folder() / "archive.ts";
};

constexpr std::pair<const char*, const char*> kCode{"model/code/__torch__.py", "class M: ..."};

}  // namespace

TEST(Archive, TheVersionIsFoundWhereTorchWritesItForOlderOperators) {
  const File file({kCode, {"model/version", "3\n"}});
  const auto archive = inspect_archive(file.path());
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(archive->version, 3);
  EXPECT_FALSE(archive->manifest);
}

TEST(Archive, TheVersionIsFoundWhereTorchWritesItForNewerOperators) {
  const File file({kCode, {"model/.data/version", "10\n"}});
  const auto archive = inspect_archive(file.path());
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(archive->version, 10);
}

TEST(Archive, TheManifestIsReadWhateverTheRootFolderIsCalled) {
  const File file(
      {{"a b/code/__torch__.py", ""}, {"a b/version", "4"}, {"a b/extra/nnbridge.json", "{}"}});
  const auto archive = inspect_archive(file.path());
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(archive->manifest, "{}");
}

TEST(Archive, AZipFileWithoutAVersionOrProgramIsNoModel) {
  const Entries without_version{kCode};
  const Entries without_program{{"model/.data/version", "10"}};
  const Entries no_number{kCode, {"model/.data/version", "new"}};
  for (const auto& entries : {without_version, without_program, no_number}) {
    const File file(entries);
    const auto archive = inspect_archive(file.path());
    ASSERT_FALSE(archive);
    EXPECT_NE(archive.error().message.find("not a TorchScript model"), std::string::npos)
        << archive.error().message;
  }
}
