#include "baseline/sqlite.h"

namespace samhain::baseline {

Error sqlite_error(sqlite3* db, std::string_view doing) {
  std::string text{doing};
  text.append(": ").append(sqlite3_errmsg(db));
  return Error{Error::Kind::System, text, sqlite3_system_errno(db)};
}

Result<void> execute(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return sqlite_error(db, sql);
  return {};
}

Result<Statement> prepare(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int status = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  Statement owner(statement);
  if (status != SQLITE_OK) return sqlite_error(db, sql);
  return owner;
}

Result<void> run(sqlite3* db, sqlite3_stmt* statement) {
  const int status = sqlite3_step(statement);
  if (status != SQLITE_DONE) {
    const Error error = sqlite_error(db, "write");
    sqlite3_reset(statement);
    return error;
  }
  sqlite3_reset(statement);
  return {};
}

void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  // An index or a size out of range is a bug of ours; SQLite then leaves NULL, which the tables
  // refuse.
  sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

void bind_blob(sqlite3_stmt* statement, int index, ByteView bytes) {
  sqlite3_bind_blob(statement, index, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
}

std::string_view column_text(sqlite3_stmt* statement, int index) {
  const unsigned char* text = sqlite3_column_text(statement, index);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(statement, index))};
}

ByteView column_blob(sqlite3_stmt* statement, int index) {
  const void* bytes = sqlite3_column_blob(statement, index);
  if (bytes == nullptr) return {};
  return {static_cast<const std::uint8_t*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement, index))};
}

}  // namespace samhain::baseline
