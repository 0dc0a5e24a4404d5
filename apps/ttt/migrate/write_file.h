#pragma once
#include <filesystem>
#include <functional>
#include <ostream>
#include <string_view>

namespace ttt::app {

/// What a file is called until it is whole: NAME.partial.
std::filesystem::path partial_name(const std::filesystem::path& file);

/// Calls `write` on a stream to the file's partial name, puts what it wrote on the disk, and renames: the file is there
/// whole or not at all, whenever the program ends. Throws FormatError when it cannot be written.
void write_file(const std::filesystem::path& file, const std::function<void(std::ostream&)>& write);
void write_file(const std::filesystem::path& file, std::string_view text);

}  // namespace ttt::app
