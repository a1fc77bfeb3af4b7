#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"

namespace samhain::baseline {

// For the sources of this folder only: SQLite's calls, with its errors as ours.

using Database = Handle<sqlite3, sqlite3_close>;
using Statement = Handle<sqlite3_stmt, sqlite3_finalize>;

/// What went wrong last on `db`, with the errno that SQLite saw where it saw one.
Error sqlite_error(sqlite3* db, std::string_view doing);

Result<void> execute(sqlite3* db, const char* sql);
Result<Statement> prepare(sqlite3* db, std::string_view sql);

/// Steps a statement that returns no rows, and makes it ready for the next time.
Result<void> run(sqlite3* db, sqlite3_stmt* statement);

/// Text and blobs are borrowed until the statement is reset.
void bind_text(sqlite3_stmt* statement, int index, std::string_view text);
void bind_blob(sqlite3_stmt* statement, int index, ByteView bytes);

std::string_view column_text(sqlite3_stmt* statement, int index);
ByteView column_blob(sqlite3_stmt* statement, int index);

}  // namespace samhain::baseline
