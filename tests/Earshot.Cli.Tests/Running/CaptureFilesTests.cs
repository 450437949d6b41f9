using System;
using System.IO;
using System.Linq;
using Earshot.Cli.Running;
using Xunit;

namespace Earshot.Cli.Tests.Running;

public sealed class CaptureFilesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("earshot-capture-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Without_a_limit_there_is_one_file_of_the_name_that_was_given()
    {
        using (var files = CaptureFiles.Create(Path.Combine(_folder.FullName, "a.pcapng"), limit: 0))
        {
            files.Current.Write(new byte[1_000_000]);
            Assert.False(files.IsFull);
        }

        Assert.Equal(["a.pcapng"], Names());
    }

    [Fact]
    public void A_file_that_has_its_size_is_followed_by_the_next()
    {
        using (var files = CaptureFiles.Create(Path.Combine(_folder.FullName, "a.pcapng"), limit: 1000))
        {
            files.Current.Write(new byte[999]);
            Assert.False(files.IsFull);
            files.Current.Write(new byte[1]);
            Assert.True(files.IsFull);
            files.Next();
            Assert.False(files.IsFull);
        }

        Assert.Equal(["a-0001.pcapng", "a-0002.pcapng"], Names());
    }

    private string[] Names() => [.. _folder.GetFiles().Select(file => file.Name).Order()];
}
